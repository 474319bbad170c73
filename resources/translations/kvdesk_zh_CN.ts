<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>AttachmentChips</name>
    <message>
        <source>Attached texts</source>
        <translation>附加的文本</translation>
    </message>
    <message>
        <source>Remove {name}</source>
        <translation>移除 {name}</translation>
    </message>
</context>
<context>
    <name>ChatDelegate</name>
    <message>
        <source>Title</source>
        <translation>标题</translation>
    </message>
</context>
<context>
    <name>ChatItems</name>
    <message>
        <source>Today</source>
        <translation>今天</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>昨天</translation>
    </message>
    <message>
        <source>Last week</source>
        <translation>上周</translation>
    </message>
    <message>
        <source>Older</source>
        <translation>更早</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
</context>
<context>
    <name>ChatSettings</name>
    <message>
        <source>Chat settings</source>
        <translation>对话设置</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
</context>
<context>
    <name>ChatsPanel</name>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Search chats</source>
        <translation>搜索对话</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>KV Desk</source>
        <translation>KV Desk</translation>
    </message>
    <message>
        <source>Search titles and all that was said</source>
        <translation>搜索标题和所有对话内容</translation>
    </message>
    <message>
        <source>Import and export chats</source>
        <translation>导入和导出对话</translation>
    </message>
    <message>
        <source>Your chats will be listed here.</source>
        <translation>您的对话会列在这里。</translation>
    </message>
    <message>
        <source>That was said nowhere.</source>
        <translation>没有任何对话提到过这些。</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>New folder {number}</source>
        <translation>新文件夹 {number}</translation>
    </message>
    <message>
        <source>New folder</source>
        <translation>新文件夹</translation>
    </message>
    <message>
        <source>Dissolve the folder, keep its chats</source>
        <translation>解散文件夹，保留其中的对话</translation>
    </message>
    <message>
        <source>Move to folder</source>
        <translation>移到文件夹</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>导出…</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Out of the folder</source>
        <translation>移出文件夹</translation>
    </message>
    <message>
        <source>Import chats…</source>
        <translation>导入对话…</translation>
    </message>
    <message>
        <source>Export all chats…</source>
        <translation>导出全部对话…</translation>
    </message>
    <message>
        <source>Export chats</source>
        <translation>导出对话</translation>
    </message>
    <message>
        <source>JSON with all branches (*.json)</source>
        <translation>含全部分支的 JSON (*.json)</translation>
    </message>
    <message>
        <source>Markdown to read (*.md)</source>
        <translation>便于阅读的 Markdown (*.md)</translation>
    </message>
    <message>
        <source>chats</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Import chats</source>
        <translation>导入对话</translation>
    </message>
    <message>
        <source>Chats (*.json *.jsonl *.md)</source>
        <translation>对话 (*.json *.jsonl *.md)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>所有文件 (*)</translation>
    </message>
</context>
<context>
    <name>CodeView</name>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
</context>
<context>
    <name>Composer</name>
    <message>
        <source>Message</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>Attach text files</source>
        <translation>附加文本文件</translation>
    </message>
    <message>
        <source>Cost of sending</source>
        <translation>发送的代价</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
    <message>
        <source>The model is being opened</source>
        <translation>正在打开模型</translation>
    </message>
    <message>
        <source>Open a model first</source>
        <translation>请先打开模型</translation>
    </message>
    <message>
        <source>The model is being loaded</source>
        <translation>正在加载模型</translation>
    </message>
    <message>
        <source>Ask {model}; it is loaded first…</source>
        <translation>向 {model} 提问；会先加载模型…</translation>
    </message>
    <message>
        <source>Reply…</source>
        <translation>回复…</translation>
    </message>
    <message>
        <source>Ask anything…</source>
        <translation>随便问点什么…</translation>
    </message>
    <message>
        <source>Editing your last message: its answer will be written anew. Esc keeps it.</source>
        <translation>正在编辑您的上一条消息：回答会重新生成。按 Esc 保持原样。</translation>
    </message>
    <message>
        <source>Editing an earlier message: it and the {count} messages after it give way. Esc keeps them.</source>
        <translation>正在编辑较早的消息：它和其后的 {count} 条消息将被替换。按 Esc 保留它们。</translation>
    </message>
    <message>
        <source>This model’s template leaves the reasoning of earlier answers out: every answer that thought is read again with the next message.</source>
        <translation>此模型的模板会去掉先前回答的思考过程：每个带思考的回答都会随下一条消息重新读取。</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stop the answer; what there is of it stays (Esc)</source>
        <translation>停止回答；已有部分会保留（Esc）</translation>
    </message>
    <message>
        <source>Enter sends, Shift+Enter begins a new line</source>
        <translation>Enter 发送，Shift+Enter 换行</translation>
    </message>
    <message>
        <source>Write a message first</source>
        <translation>请先写一条消息</translation>
    </message>
</context>
<context>
    <name>ContextChoice</name>
    <message>
        <source>Context in tokens, exact</source>
        <translation>上下文 token 数，精确值</translation>
    </message>
    <message>
        <source>Tokens, like 12288 or 12k</source>
        <translation>token 数，如 12288 或 12k</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>tokens</source>
        <translation>token</translation>
    </message>
</context>
<context>
    <name>ContextGauge</name>
    <message>
        <source>What can be done with the context</source>
        <translation>可对上下文做的操作</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>you</source>
        <translation>您</translation>
    </message>
    <message>
        <source>answers</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>other</source>
        <translation>其他</translation>
    </message>
    <message>
        <source>another chat</source>
        <translation>另一个对话</translation>
    </message>
    <message>
        <source>{used} of {total} tokens · {percent} %</source>
        <translation>{used} / {total} token · {percent} %</translation>
    </message>
    <message>
        <source>{name}: {used} of {size} in use</source>
        <translation>{name}：已用 {used}，共 {size}</translation>
    </message>
    <message>
        <source>{used} of {total} cells</source>
        <translation>{used} / {total} 个单元</translation>
    </message>
    <message>
        <source>{count} tokens</source>
        <translation>{count} 个 token</translation>
    </message>
    <message>
        <source>to be read with the next message</source>
        <translation>将随下一条消息读取</translation>
    </message>
    <message>
        <source>pinned</source>
        <translation>已固定</translation>
    </message>
    <message>
        <source>leaves the context when it is full</source>
        <translation>上下文满时将被移出</translation>
    </message>
</context>
<context>
    <name>ContextSlider</name>
    <message>
        <source>Context in tokens</source>
        <translation>上下文 token 数</translation>
    </message>
    <message>
        <source>largest here {tokens}</source>
        <translation>此处最大 {tokens}</translation>
    </message>
    <message>
        <source>trained {tokens}, fits here</source>
        <translation>训练长度 {tokens}，放得下</translation>
    </message>
    <message>
        <source>trained {tokens}</source>
        <translation>训练长度 {tokens}</translation>
    </message>
</context>
<context>
    <name>ConversationMenus</name>
    <message>
        <source>Open {address}…</source>
        <translation>打开 {address}…</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy as Markdown</source>
        <translation>复制为 Markdown</translation>
    </message>
    <message>
        <source>Copy code</source>
        <translation>复制代码</translation>
    </message>
    <message>
        <source>Copy message</source>
        <translation>复制消息</translation>
    </message>
    <message>
        <source>Quote in the reply</source>
        <translation>在回复中引用</translation>
    </message>
    <message>
        <source>Hide reasoning</source>
        <translation>隐藏思考过程</translation>
    </message>
    <message>
        <source>Show reasoning</source>
        <translation>显示思考过程</translation>
    </message>
    <message>
        <source>Select all</source>
        <translation>全选</translation>
    </message>
    <message>
        <source>Pin: never leave it out of the context</source>
        <translation>固定：永不移出上下文</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>取消固定</translation>
    </message>
    <message>
        <source>Leave this exchange out of the context</source>
        <translation>将这一轮对话移出上下文</translation>
    </message>
    <message>
        <source>Bring it back into the context</source>
        <translation>放回上下文</translation>
    </message>
    <message>
        <source>Summarise everything up to here…</source>
        <translation>将到此为止的内容写成摘要…</translation>
    </message>
</context>
<context>
    <name>ConversationPanel</name>
    <message>
        <source>The engine ended</source>
        <translation>引擎已退出</translation>
    </message>
    <message>
        <source>Reload</source>
        <translation>重新加载</translation>
    </message>
    <message>
        <source>Attach text files</source>
        <translation>附加文本文件</translation>
    </message>
    <message>
        <source>Pasted text {number}</source>
        <translation>粘贴的文本 {number}</translation>
    </message>
</context>
<context>
    <name>ConversationView</name>
    <message>
        <source>Conversation</source>
        <translation>对话内容</translation>
    </message>
</context>
<context>
    <name>CopyButton</name>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
</context>
<context>
    <name>DataFolder</name>
    <message>
        <source>Data folder</source>
        <translation>数据文件夹</translation>
    </message>
    <message>
        <source>Move…</source>
        <translation>移动…</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>Close the model and move</source>
        <translation>关闭模型并移动</translation>
    </message>
    <message>
        <source>Leave it there</source>
        <translation>不移动</translation>
    </message>
    <message>
        <source>Conversations, presets, parked chats, the ledger and what was measured are copied to {folder} and compared; only then the old files go. What is loaded is closed before, and the window opens again after it.</source>
        <translation>对话、预设、存放的缓存、加载记录和测量结果会复制到 {folder} 并逐一核对，之后才删除旧文件。移动前会关闭已加载的模型，完成后窗口会重新打开。</translation>
    </message>
    <message>
        <source>A folder for the data</source>
        <translation>选择数据文件夹</translation>
    </message>
</context>
<context>
    <name>DeskPanel</name>
    <message>
        <source>Ledger…</source>
        <translation>加载记录…</translation>
    </message>
    <message>
        <source>What loads on this machine took beside what was planned</source>
        <translation>本机历次加载的实测用量与规划对照</translation>
    </message>
    <message>
        <source>What a token takes…</source>
        <translation>每个 token 占用多少…</translation>
    </message>
    <message>
        <source>This model’s cache in llama.cpp’s types and in other engines</source>
        <translation>此模型的缓存：llama.cpp 的各种类型与其他引擎对比</translation>
    </message>
</context>
<context>
    <name>DeviceMemory</name>
    <message>
        <source>Show or hide the figures of this device</source>
        <translation>显示或隐藏此设备的数值</translation>
    </message>
    <message>
        <source>{missing} too much</source>
        <translation>超出 {missing}</translation>
    </message>
    <message>
        <source>{missing} more than the {limit} free</source>
        <translation>比空闲的 {limit} 多 {missing}</translation>
    </message>
    <message>
        <source>size not known</source>
        <translation>大小未知</translation>
    </message>
    <message>
        <source>{free} free</source>
        <translation>空闲 {free}</translation>
    </message>
    <message>
        <source>takes {needed} · {free} free</source>
        <translation>占用 {needed} · 空闲 {free}</translation>
    </message>
    <message>
        <source>{size} · {kept} kept for other programs</source>
        <translation>{size} · 留 {kept} 给其他程序</translation>
    </message>
    <message>
        <source>{size} · {free} free</source>
        <translation>{size} · 空闲 {free}</translation>
    </message>
    <message>
        <source>K cache, {cells} cells</source>
        <translation>K 缓存，{cells} 个单元</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>K cache</source>
        <translation>K 缓存</translation>
    </message>
    <message>
        <source>V cache</source>
        <translation>V 缓存</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>Compute</source>
        <translation>计算</translation>
    </message>
    <message>
        <source>Output</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>Margin</source>
        <translation>余量</translation>
    </message>
    <message>
        <source>Other</source>
        <translation>其他</translation>
    </message>
    <message>
        <source>This computer</source>
        <translation>本机</translation>
    </message>
</context>
<context>
    <name>EmptyChat</name>
    <message>
        <source>Open a model…</source>
        <translation>打开模型…</translation>
    </message>
    <message>
        <source>Try the demo</source>
        <translation>试用演示模型</translation>
    </message>
    <message>
        <source>What is the KV cache?</source>
        <translation>What is the KV cache?</translation>
    </message>
    <message>
        <source>The code for the blue box is 48213.</source>
        <translation>The code for the blue box is 48213.</translation>
    </message>
    <message>
        <source>Tell me a story in 4 sentences.</source>
        <translation>Tell me a story in 4 sentences.</translation>
    </message>
    <message>
        <source>Send: {text}</source>
        <translation>发送：{text}</translation>
    </message>
    <message>
        <source>Opening…</source>
        <translation>正在打开…</translation>
    </message>
    <message>
        <source>Open a GGUF, or try the demo</source>
        <translation>打开 GGUF 文件，或试用演示模型</translation>
    </message>
    <message>
        <source>You see what a model would use before anything is loaded.</source>
        <translation>加载之前就能看到模型会占用多少内存。</translation>
    </message>
    <message>
        <source>Try the demo model</source>
        <translation>试用演示模型</translation>
    </message>
    <message>
        <source>Five million parameters that know a little of the KV cache and remember what you tell them.</source>
        <translation>五百万参数，略知 KV 缓存，也记得住您告诉它的话（仅英文）。</translation>
    </message>
    <message>
        <source>Ask {model}</source>
        <translation>向 {model} 提问</translation>
    </message>
    <message>
        <source>It is loaded. What you write stays on this machine.</source>
        <translation>已加载。您写的内容只留在本机。</translation>
    </message>
    <message>
        <source>Your first message loads it. What it will use is shown beside this, before it does.</source>
        <translation>发出第一条消息时加载。会占用多少内存，加载前就显示在旁边。</translation>
    </message>
</context>
<context>
    <name>EndpointCard</name>
    <message>
        <source>Endpoint for other programs</source>
        <translation>供其他程序使用的接口</translation>
    </message>
    <message>
        <source>Programs that speak OpenAI&apos;s interface can use the loaded model. They share its context with the chat; nothing leaves this computer unless you let others in.</source>
        <translation>支持 OpenAI 接口的程序可以使用已加载的模型。它们与对话共用同一上下文；除非您允许其他电脑访问，否则任何内容都不会离开这台电脑。</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>端口</translation>
    </message>
    <message>
        <source>Let other computers in, with a token</source>
        <translation>允许其他电脑访问（需令牌）</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>开启</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>地址</translation>
    </message>
    <message>
        <source>Token</source>
        <translation>令牌</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Close the endpoint</source>
        <translation>关闭接口</translation>
    </message>
    <message>
        <source>Load a model first.</source>
        <translation>请先加载模型。</translation>
    </message>
    <message>
        <source>none needed</source>
        <translation>无需令牌</translation>
    </message>
</context>
<context>
    <name>ErrorDialog</name>
    <message>
        <source>KV Desk</source>
        <translation>KV Desk</translation>
    </message>
    <message>
        <source>Copy details</source>
        <translation>复制详情</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
</context>
<context>
    <name>ExportDialog</name>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>Program</source>
        <translation>程序</translation>
    </message>
    <message>
        <source>Shell</source>
        <translation>Shell</translation>
    </message>
    <message>
        <source>Command</source>
        <translation>命令</translation>
    </message>
    <message>
        <source>What each setting does</source>
        <translation>每项设置的作用</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Save as…</source>
        <translation>另存为…</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>{path} cannot be written: {why}.</source>
        <translation>无法写入 {path}：{why}。</translation>
    </message>
    <message>
        <source>Saved as {path}.</source>
        <translation>已另存为 {path}。</translation>
    </message>
    <message>
        <source>llama.cpp&apos;s own programs</source>
        <translation>llama.cpp 自带的程序</translation>
    </message>
    <message>
        <source>Programs on llama.cpp</source>
        <translation>基于 llama.cpp 的程序</translation>
    </message>
    <message>
        <source>Other engines: the nearest</source>
        <translation>其他引擎：最接近的写法</translation>
    </message>
    <message>
        <source>Launch command</source>
        <translation>启动命令</translation>
    </message>
    <message>
        <source>The options as chosen on the desk, in the program&apos;s own words.</source>
        <translation>工作台上选定的选项，按该程序的写法列出。</translation>
    </message>
    <message>
        <source>Save the launch</source>
        <translation>保存启动命令</translation>
    </message>
</context>
<context>
    <name>Figures</name>
    <message>
        <source>{number} ms</source>
        <translation>{number} 毫秒</translation>
    </message>
    <message>
        <source>{hours} h {minutes} min</source>
        <translation>{hours} 小时 {minutes} 分</translation>
    </message>
    <message>
        <source>{minutes} min {seconds} s</source>
        <translation>{minutes} 分 {seconds} 秒</translation>
    </message>
    <message>
        <source>{number} s</source>
        <translation>{number} 秒</translation>
    </message>
    <message>
        <source>{number} t/s</source>
        <translation>{number} t/s</translation>
    </message>
    <message>
        <source>an earlier message changed</source>
        <translation>较早的消息有改动</translation>
    </message>
    <message>
        <source>the template leaves earlier reasoning out</source>
        <translation>模板不保留先前的思考过程</translation>
    </message>
    <message>
        <source>{minutes} min</source>
        <translation>{minutes} 分钟</translation>
    </message>
    <message>
        <source>the sliding window had moved on</source>
        <translation>滑动窗口已移过该处</translation>
    </message>
    <message>
        <source>this model’s state cannot be rewound</source>
        <translation>此模型的状态无法回退</translation>
    </message>
    <message>
        <source>the model was loaded again</source>
        <translation>模型重新加载过</translation>
    </message>
    <message>
        <source>another chat had used the cache</source>
        <translation>缓存被另一个对话用过</translation>
    </message>
    <message>
        <source>messages before it were left out</source>
        <translation>它前面的消息已移出</translation>
    </message>
    <message>
        <source>the context was made anew</source>
        <translation>上下文已重新创建</translation>
    </message>
    <message>
        <source>the template writes earlier messages differently now</source>
        <translation>模板现在对较早消息的写法不同</translation>
    </message>
    <message>
        <source>{count} read again</source>
        <translation>重读 {count} 个</translation>
    </message>
    <message>
        <source>{what}: {why}</source>
        <translation>{what}：{why}</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>cut at the answer’s limit</source>
        <translation>达到回答长度上限</translation>
    </message>
    <message>
        <source>cut: the context is full</source>
        <translation>已中断：上下文已满</translation>
    </message>
    <message>
        <source>cut off, what had arrived is kept</source>
        <translation>已中断，保留已有部分</translation>
    </message>
    <message>
        <source>message {number} changed</source>
        <translation>第 {number} 条消息已更改</translation>
    </message>
    <message>
        <source>version {number} of {count}</source>
        <translation>第 {number} 版，共 {count} 版</translation>
    </message>
    <message>
        <source>left out of the context</source>
        <translation>已移出上下文</translation>
    </message>
    <message>
        <source>summary of {count} messages</source>
        <translation>{count} 条消息的摘要</translation>
    </message>
    <message>
        <source>pinned</source>
        <translation>已固定</translation>
    </message>
    <message>
        <source>{new} new tokens read</source>
        <translation>读入 {new} 个新 token</translation>
    </message>
    <message>
        <source>{new} new token read</source>
        <translation>读入 {new} 个新 token</translation>
    </message>
    <message>
        <source>{read}, {count} reused</source>
        <translation>{read}，复用 {count} 个</translation>
    </message>
    <message>
        <source>{time} to first token</source>
        <translation>首 token {time}</translation>
    </message>
    <message>
        <source>{count} tokens</source>
        <translation>{count} 个 token</translation>
    </message>
    <message>
        <source>{count} token</source>
        <translation>{count} 个 token</translation>
    </message>
    <message>
        <source>at {speed}</source>
        <translation>· {speed}</translation>
    </message>
    <message>
        <source>went back to a checkpoint</source>
        <translation>已回到检查点</translation>
    </message>
    <message>
        <source>cache brought back from memory</source>
        <translation>缓存已从内存取回</translation>
    </message>
    <message>
        <source>{count} moved together in the cache</source>
        <translation>{count} 个 token 在缓存中平移</translation>
    </message>
    <message>
        <source>{count} messages left out of the context</source>
        <translation>{count} 条消息已移出上下文</translation>
    </message>
    <message>
        <source>reading</source>
        <translation>正在读入</translation>
    </message>
    <message>
        <source>reading {done} of {total}</source>
        <translation>正在读入 {done} / {total}</translation>
    </message>
    <message>
        <source>Thinking for {seconds} s</source>
        <translation>已思考 {seconds} 秒</translation>
    </message>
    <message>
        <source>Thinking</source>
        <translation>正在思考</translation>
    </message>
    <message>
        <source>Thought</source>
        <translation>思考过程</translation>
    </message>
    <message>
        <source>Thought for {time}</source>
        <translation>思考了 {time}</translation>
    </message>
    <message>
        <source>Thought for {seconds} s</source>
        <translation>思考了 {seconds} 秒</translation>
    </message>
    <message>
        <source>+{count} tokens</source>
        <translation>+{count} token</translation>
    </message>
    <message>
        <source>first token in about {time}</source>
        <translation>约 {time}后出首 token</translation>
    </message>
    <message>
        <source>cache {now} → {after} %</source>
        <translation>缓存 {now} → {after} %</translation>
    </message>
    <message>
        <source>loading the model</source>
        <translation>正在加载模型</translation>
    </message>
    <message>
        <source>loads {model} first</source>
        <translation>先加载 {model}</translation>
    </message>
</context>
<context>
    <name>FindBar</name>
    <message>
        <source>Find in this chat</source>
        <translation>在此对话中查找</translation>
    </message>
    <message>
        <source>Match capital letters</source>
        <translation>区分大小写</translation>
    </message>
    <message>
        <source>The one before (Shift+Enter)</source>
        <translation>上一处（Shift+Enter）</translation>
    </message>
    <message>
        <source>The next one (Enter)</source>
        <translation>下一处（Enter）</translation>
    </message>
    <message>
        <source>Close the search (Esc)</source>
        <translation>关闭查找（Esc）</translation>
    </message>
    <message>
        <source>{number} of {count}</source>
        <translation>第 {number} 处，共 {count} 处</translation>
    </message>
    <message>
        <source>Nothing found</source>
        <translation>未找到</translation>
    </message>
    <message>
        <source>Searching…</source>
        <translation>正在查找…</translation>
    </message>
</context>
<context>
    <name>FitsItems</name>
    <message>
        <source>tight</source>
        <translation>偏紧</translation>
    </message>
    <message>
        <source>About {speed} tokens/s with {tokens} in the cache, as measured here.</source>
        <translation>缓存中有 {tokens} 个 token 时约 {speed} token/s，按本机实测。</translation>
    </message>
    <message>
        <source>At most {speed} tokens/s with {tokens} in the cache, by the memory&apos;s bandwidth.</source>
        <translation>缓存中有 {tokens} 个 token 时最多 {speed} token/s，按内存带宽。</translation>
    </message>
    <message>
        <source>{pair}: at most {tokens} tokens</source>
        <translation>{pair}：最多 {tokens} 个 token</translation>
    </message>
    <message>
        <source>No context fits with this pair.</source>
        <translation>用这对缓存类型，任何上下文都放不下。</translation>
    </message>
    <message>
        <source>{size} a token</source>
        <translation>每个 token {size}</translation>
    </message>
    <message>
        <source>The GPU has no kernel for this pair; attention would run on the CPU.</source>
        <translation>GPU 没有适用于这对类型的内核；注意力将在 CPU 上计算。</translation>
    </message>
</context>
<context>
    <name>FitsMap</name>
    <message>
        <source>All pairs</source>
        <translation>全部组合</translation>
    </message>
    <message>
        <source>Usual pairs</source>
        <translation>常用组合</translation>
    </message>
    <message>
        <source>Largest context by cache pair</source>
        <translation>各缓存类型组合的最大上下文</translation>
    </message>
    <message>
        <source>Only roughly known for this architecture; the plan decides.</source>
        <translation>此架构只有粗略估计；以 llama.cpp 的规划为准。</translation>
    </message>
    <message>
        <source>The arithmetic leaves out parts of this model&apos;s graph, or no test has compared it with llama.cpp. Weights and caches are counted exactly; compute buffers may be off.</source>
        <translation>计算未包含此模型计算图的某些部分，或尚无测试将其与 llama.cpp 对照。权重与缓存是精确计算的；计算缓冲区可能有偏差。</translation>
    </message>
    <message>
        <source>this computer</source>
        <translation>本机</translation>
    </message>
    <message>
        <source>this GPU</source>
        <translation>此 GPU</translation>
    </message>
    <message>
        <source>these GPUs</source>
        <translation>这些 GPU</translation>
    </message>
</context>
<context>
    <name>HelpWindow</name>
    <message>
        <source>Help</source>
        <translation>帮助</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>页面</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>快捷键</translation>
    </message>
    <message>
        <source>Page</source>
        <translation>页面内容</translation>
    </message>
    <message>
        <source>As a table</source>
        <translation>以表格显示</translation>
    </message>
    <message>
        <source>Show me around</source>
        <translation>带我看看</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Open a model, and its own figures are drawn here.</source>
        <translation>打开一个模型，这里就会画出它自己的数据。</translation>
    </message>
    <message>
        <source>Key</source>
        <translation>按键</translation>
    </message>
    <message>
        <source>What it does</source>
        <translation>作用</translation>
    </message>
</context>
<context>
    <name>HistoryItems</name>
    <message>
        <source>Time</source>
        <translation>时间</translation>
    </message>
</context>
<context>
    <name>HistoryWindow</name>
    <message>
        <source>Memory, cache and speed</source>
        <translation>内存、缓存与速度</translation>
    </message>
    <message>
        <source>Follow</source>
        <translation>跟随</translation>
    </message>
    <message>
        <source>Save picture…</source>
        <translation>保存图片…</translation>
    </message>
    <message>
        <source>Save CSV…</source>
        <translation>保存 CSV…</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Pictures (*.png)</source>
        <translation>图片 (*.png)</translation>
    </message>
    <message>
        <source>Tables (*.csv)</source>
        <translation>表格 (*.csv)</translation>
    </message>
    <message>
        <source>now</source>
        <translation>现在</translation>
    </message>
    <message>
        <source>{age} s ago</source>
        <translation>{age} 秒前</translation>
    </message>
    <message>
        <source>{program} on {device} {size}</source>
        <translation>{program} 在 {device} 上占用 {size}</translation>
    </message>
    <message>
        <source>Graph</source>
        <translation>图表</translation>
    </message>
    <message>
        <source>planned ceiling</source>
        <translation>规划上限</translation>
    </message>
    <message>
        <source>above this: kept for other programs</source>
        <translation>此线以上：留给其他程序</translation>
    </message>
    <message>
        <source>Table of the samples</source>
        <translation>采样表</translation>
    </message>
    <message>
        <source>Table</source>
        <translation>表格</translation>
    </message>
    <message>
        <source>Save the graph</source>
        <translation>保存图表</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>所有文件 (*)</translation>
    </message>
    <message>
        <source>{device}: in use</source>
        <translation>{device}：已用</translation>
    </message>
    <message>
        <source>{device}: the engine</source>
        <translation>{device}：引擎</translation>
    </message>
    <message>
        <source>{device}: other programs</source>
        <translation>{device}：其他程序</translation>
    </message>
    <message>
        <source>{device}: slowed down</source>
        <translation>{device}：降频</translation>
    </message>
    <message>
        <source>{device}: clock</source>
        <translation>{device}：频率</translation>
    </message>
    <message>
        <source>{device}: busy</source>
        <translation>{device}：利用率</translation>
    </message>
    <message>
        <source>The engine&apos;s process</source>
        <translation>引擎进程</translation>
    </message>
    <message>
        <source>Of the host&apos;s memory for GPUs</source>
        <translation>GPU 占用的主机内存</translation>
    </message>
    <message>
        <source>Cells</source>
        <translation>单元</translation>
    </message>
    <message>
        <source>Reading</source>
        <translation>读入</translation>
    </message>
    <message>
        <source>Writing</source>
        <translation>生成</translation>
    </message>
    <message>
        <source>{device}: power</source>
        <translation>{device}：功率</translation>
    </message>
    <message>
        <source>no</source>
        <translation>否</translation>
    </message>
    <message>
        <source>{device}: temperature</source>
        <translation>{device}：温度</translation>
    </message>
</context>
<context>
    <name>ImportDialog</name>
    <message>
        <source>Paste a launch</source>
        <translation>粘贴启动命令</translation>
    </message>
    <message>
        <source>Launch command or file</source>
        <translation>启动命令或文件</translation>
    </message>
    <message>
        <source>Model of the file</source>
        <translation>文件中的模型</translation>
    </message>
    <message>
        <source>What was understood</source>
        <translation>识别出的内容</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>A command of llama.cpp’s family, a models preset, a llama-swap or Compose file, a .kcpps, a systemd unit or a Modelfile. Nothing of it is executed.</source>
        <translation>llama.cpp 系列程序的命令、模型预设、llama-swap 或 Compose 文件、.kcpps、systemd 单元或 Modelfile。其中的任何内容都不会被执行。</translation>
    </message>
    <message>
        <source>Program</source>
        <translation>程序</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Left aside</source>
        <translation>未采用</translation>
    </message>
    <message>
        <source>The model is opened with these options. Loading it is another step.</source>
        <translation>将以这些选项打开该模型；加载是另一步。</translation>
    </message>
    <message>
        <source>The model named there is not on this computer: the open one takes the options.</source>
        <translation>其中所指的模型不在这台电脑上：选项将用于已打开的模型。</translation>
    </message>
    <message>
        <source>The model named there is not on this computer. Open one first.</source>
        <translation>其中所指的模型不在这台电脑上。请先打开一个模型。</translation>
    </message>
</context>
<context>
    <name>JumpButton</name>
    <message>
        <source>Jump to latest</source>
        <translation>跳到最新</translation>
    </message>
</context>
<context>
    <name>LedgerDialog</name>
    <message>
        <source>Ledger</source>
        <translation>加载记录</translation>
    </message>
    <message>
        <source>No load has been written down yet. Load a model to measure one.</source>
        <translation>还没有加载记录。加载一个模型即可测量。</translation>
    </message>
    <message>
        <source>Export CSV…</source>
        <translation>导出 CSV…</translation>
    </message>
    <message>
        <source>Search: a model, a flag, “failed”, a date</source>
        <translation>搜索：模型、参数、“failed”、日期</translation>
    </message>
    <message>
        <source>Search the loads</source>
        <translation>搜索加载记录</translation>
    </message>
    <message>
        <source>Copy the launch</source>
        <translation>复制启动命令</translation>
    </message>
    <message>
        <source>The chosen load as a llama-server command, on one line</source>
        <translation>把所选的加载写成一行 llama-server 命令</translation>
    </message>
    <message>
        <source>Save a report…</source>
        <translation>保存报告…</translation>
    </message>
    <message>
        <source>The chosen load as one HTML or Markdown file that can be sent</source>
        <translation>把所选的加载写成一个可发送的 HTML 或 Markdown 文件</translation>
    </message>
    <message>
        <source>with the conversation</source>
        <translation>包含对话</translation>
    </message>
    <message>
        <source>Puts the text of the open conversation into the report</source>
        <translation>把当前对话的文本放进报告</translation>
    </message>
    <message>
        <source>Clear…</source>
        <translation>清除…</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Forget them</source>
        <translation>清除记录</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保留</translation>
    </message>
    <message>
        <source>No load has all of these words.</source>
        <translation>没有加载记录包含所有这些词。</translation>
    </message>
    <message>
        <source>Loads on this machine</source>
        <translation>本机的加载</translation>
    </message>
    <message>
        <source>What each load took of a device, in MiB, pages of mapped files aside. The largest difference of the last ten loads with the same driver and llama.cpp is added to the next plan on that device.</source>
        <translation>每次加载对设备的实际占用，单位 MiB，不含映射文件的页。同一驱动和 llama.cpp 最近十次加载的最大差值，会加到该设备的下一次规划中。</translation>
    </message>
    <message>
        <source>Ledger of loads</source>
        <translation>加载记录</translation>
    </message>
    <message>
        <source>Export the ledger</source>
        <translation>导出加载记录</translation>
    </message>
    <message>
        <source>Tables (*.csv)</source>
        <translation>表格 (*.csv)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>所有文件 (*)</translation>
    </message>
    <message>
        <source>Save a report</source>
        <translation>保存报告</translation>
    </message>
    <message>
        <source>Web pages (*.html)</source>
        <translation>网页 (*.html)</translation>
    </message>
    <message>
        <source>Markdown (*.md)</source>
        <translation>Markdown (*.md)</translation>
    </message>
    <message>
        <source>Forget all {count} loads? The next plans then count with the built-in figures again.</source>
        <translation>清除全部 {count} 条加载记录？之后的规划将重新使用内置数值。</translation>
    </message>
</context>
<context>
    <name>LedgerItems</name>
    <message>
        <source>failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>called off</source>
        <translation>已取消</translation>
    </message>
    <message>
        <source>driver {version}</source>
        <translation>驱动 {version}</translation>
    </message>
    <message>
        <source>Date</source>
        <translation>日期</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>K / V</source>
        <translation>K / V</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>Estimated</source>
        <translation>估算</translation>
    </message>
    <message>
        <source>Planned</source>
        <translation>规划</translation>
    </message>
    <message>
        <source>Measured</source>
        <translation>实测</translation>
    </message>
    <message>
        <source>Difference</source>
        <translation>差值</translation>
    </message>
</context>
<context>
    <name>LensDialog</name>
    <message>
        <source>What a token takes</source>
        <translation>每个 token 占用多少</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>The cache of one conversation with {model}: in llama.cpp’s types, and in other engines as their own sources store it. Scales are counted. “+” is what lies unpacked beside the cache.</source>
        <translation>与 {model} 的一次对话的缓存：llama.cpp 的各种类型，以及其他引擎按其源代码的存储方式。已计入缩放系数。“+” 表示缓存之外另行解包存放的数据。</translation>
    </message>
</context>
<context>
    <name>LensItems</name>
    <message>
        <source>Engine</source>
        <translation>引擎</translation>
    </message>
    <message>
        <source>Mode</source>
        <translation>模式</translation>
    </message>
    <message>
        <source>KiB a token</source>
        <translation>每个 token 的 KiB</translation>
    </message>
    <message>
        <source>Bits a value</source>
        <translation>每个值的位数</translation>
    </message>
    <message>
        <source>Does not grow, MiB</source>
        <translation>不增长的部分，MiB</translation>
    </message>
    <message>
        <source>Tokens a GiB</source>
        <translation>每 GiB 的 token 数</translation>
    </message>
    <message>
        <source>Remarks</source>
        <translation>备注</translation>
    </message>
</context>
<context>
    <name>LinkQuestion</name>
    <message>
        <source>Open a link</source>
        <translation>打开链接</translation>
    </message>
    <message>
        <source>The link&apos;s address</source>
        <translation>链接的地址</translation>
    </message>
    <message>
        <source>Open in the browser</source>
        <translation>在浏览器中打开</translation>
    </message>
    <message>
        <source>Copy address</source>
        <translation>复制地址</translation>
    </message>
    <message>
        <source>Do not open</source>
        <translation>不打开</translation>
    </message>
    <message>
        <source>This kind of address is not opened from here.</source>
        <translation>这里不打开这类地址。</translation>
    </message>
    <message>
        <source>Open this page of {host}?</source>
        <translation>要打开 {host} 的这个页面吗？</translation>
    </message>
    <message>
        <source>Open this address?</source>
        <translation>要打开这个地址吗？</translation>
    </message>
</context>
<context>
    <name>LoadBar</name>
    <message>
        <source>Reload</source>
        <translation>重新加载</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>正在加载</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>加载</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Unload</source>
        <translation>卸载</translation>
    </message>
    <message>
        <source>Load again</source>
        <translation>重新加载</translation>
    </message>
    <message>
        <source>Loading, {percent} %</source>
        <translation>正在加载，{percent} %</translation>
    </message>
    <message>
        <source>The engine has ended</source>
        <translation>引擎已退出</translation>
    </message>
    <message>
        <source>Loaded in {time}</source>
        <translation>已加载，用时 {time}</translation>
    </message>
    <message>
        <source>llama.cpp refuses these options</source>
        <translation>llama.cpp 不接受这些选项</translation>
    </message>
    <message>
        <source>Does not fit in free memory</source>
        <translation>空闲内存放不下</translation>
    </message>
    <message>
        <source>Takes {size}</source>
        <translation>占用 {size}</translation>
    </message>
    <message>
        <source>CPU threads that answer: {count}</source>
        <translation>回答所用的 CPU 线程：{count}</translation>
    </message>
    <message>
        <source>measured with {count}: {speed}</source>
        <translation>用 {count} 个线程实测：{speed}</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Notice</source>
        <translation>通知</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Theme, language, memory to leave free (Ctrl+,)</source>
        <translation>主题、语言、预留内存（Ctrl+,）</translation>
    </message>
    <message>
        <source>Help</source>
        <translation>帮助</translation>
    </message>
    <message>
        <source>What things mean, the keys, and a tour (F1)</source>
        <translation>概念说明、快捷键和导览（F1）</translation>
    </message>
    <message>
        <source>{model} – KV Desk</source>
        <translation>{model} – KV Desk</translation>
    </message>
    <message>
        <source>KV Desk</source>
        <translation>KV Desk</translation>
    </message>
    <message>
        <source>Open a model</source>
        <translation>打开模型</translation>
    </message>
    <message>
        <source>GGUF models (*.gguf)</source>
        <translation>GGUF 模型 (*.gguf)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>所有文件 (*)</translation>
    </message>
    <message>
        <source>Any GGUF file: choose it, drop it on the window, or give its web address. Its header is read at once; nothing is loaded.</source>
        <translation>任何 GGUF 文件：选择它、拖到窗口上，或输入网址。文件头会立即读取，但不加载任何东西。</translation>
    </message>
    <message>
        <source>See what fits before loading</source>
        <translation>加载之前看看能放下多少</translation>
    </message>
    <message>
        <source>Move the context, or choose smaller cache types below. What it would take on your devices changes as you do, and llama.cpp itself is asked.</source>
        <translation>移动上下文滑块，或在下面选择更小的缓存类型。各设备所需的内存会随之变化，并由 llama.cpp 自己给出答案。</translation>
    </message>
    <message>
        <source>Load it</source>
        <translation>加载模型</translation>
    </message>
    <message>
        <source>Where it does not fit, this says what to change, in one click. Planned and measured memory stand side by side afterwards.</source>
        <translation>放不下时，这里会说明该改什么，点击一次即可完成。加载后，规划值与实测值并排显示。</translation>
    </message>
    <message>
        <source>Watch the cache fill</source>
        <translation>观察缓存的填充</translation>
    </message>
    <message>
        <source>How much of the context is used, and what the next message will cost. Near the end you are offered the ways on, each with its price.</source>
        <translation>这里显示上下文用了多少，以及下一条消息的代价。接近用满时，会给出继续的办法及各自的代价。</translation>
    </message>
    <message>
        <source>Talk to it</source>
        <translation>开始对话</translation>
    </message>
    <message>
        <source>A tiny model is built in. Ask it something now; F1 explains whatever has the keyboard.</source>
        <translation>程序自带一个很小的模型，现在就问它点什么。F1 会解释当前获得键盘焦点的控件。</translation>
    </message>
    <message>
        <source>What is the KV cache?</source>
        <translation>What is the KV cache?</translation>
    </message>
    <message>
        <source>Stop an answer or a load</source>
        <translation>停止回答或加载</translation>
    </message>
    <message>
        <source>Write a message</source>
        <translation>写消息</translation>
    </message>
    <message>
        <source>Find in this chat</source>
        <translation>在此对话中查找</translation>
    </message>
    <message>
        <source>Go to the message before</source>
        <translation>转到上一条消息</translation>
    </message>
    <message>
        <source>Go to the next message</source>
        <translation>转到下一条消息</translation>
    </message>
    <message>
        <source>System prompt, sampling and presets</source>
        <translation>系统提示词、采样和预设</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Show or hide the chats</source>
        <translation>显示或隐藏对话列表</translation>
    </message>
    <message>
        <source>Show or hide the desk</source>
        <translation>显示或隐藏工作台</translation>
    </message>
    <message>
        <source>Export the launch command</source>
        <translation>导出启动命令</translation>
    </message>
    <message>
        <source>Paste a launch command</source>
        <translation>粘贴启动命令</translation>
    </message>
    <message>
        <source>Larger text</source>
        <translation>放大文字</translation>
    </message>
    <message>
        <source>Smaller text</source>
        <translation>缩小文字</translation>
    </message>
    <message>
        <source>Text as large as the desktop’s</source>
        <translation>文字与系统桌面一样大</translation>
    </message>
    <message>
        <source>Help on what has the keyboard</source>
        <translation>当前控件的帮助</translation>
    </message>
    <message>
        <source>Close the window</source>
        <translation>关闭窗口</translation>
    </message>
</context>
<context>
    <name>Manner</name>
    <message>
        <source>System prompt</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>{count} sampler settings</source>
        <translation>{count} 项采样设置</translation>
    </message>
    <message>
        <source>No system prompt</source>
        <translation>没有系统提示词</translation>
    </message>
    <message>
        <source>{count} tokens</source>
        <translation>{count} 个 token</translation>
    </message>
    <message>
        <source>A change has the next message read all {count} tokens again</source>
        <translation>改动后，下一条消息要重新读取全部 {count} 个 token</translation>
    </message>
    <message>
        <source>The next message reads {count} tokens</source>
        <translation>下一条消息要读取 {count} 个 token</translation>
    </message>
    <message>
        <source>{what}, about {time}</source>
        <translation>{what}，约 {time}</translation>
    </message>
    <message>
        <source>This chat is answered by “{name}” now</source>
        <translation>此对话现在按“{name}”回答</translation>
    </message>
    <message>
        <source>Deleted “{name}”</source>
        <translation>已删除“{name}”</translation>
    </message>
    <message>
        <source>Saved “{name}”</source>
        <translation>已保存“{name}”</translation>
    </message>
    <message>
        <source>Replaced “{name}”</source>
        <translation>已替换“{name}”</translation>
    </message>
    <message>
        <source>“{old}” is called “{name}” now</source>
        <translation>“{old}”已改名为“{name}”</translation>
    </message>
</context>
<context>
    <name>MannerButton</name>
    <message>
        <source>Chat settings</source>
        <translation>对话设置</translation>
    </message>
    <message>
        <source>System prompt, sampling and presets of this chat (Ctrl+P)</source>
        <translation>此对话的系统提示词、采样和预设（Ctrl+P）</translation>
    </message>
    <message>
        <source>as by default</source>
        <translation>均为默认</translation>
    </message>
</context>
<context>
    <name>MemoryBar</name>
    <message>
        <source>Memory of {device}</source>
        <translation>{device} 的内存</translation>
    </message>
    <message>
        <source>{kind}: {size}, {share} % of what is needed</source>
        <translation>{kind}：{size}，占所需的 {share} %</translation>
    </message>
    <message>
        <source>Used by other programs or kept for them</source>
        <translation>被其他程序占用或为其预留</translation>
    </message>
    <message>
        <source>{needed} needed</source>
        <translation>需要 {needed}</translation>
    </message>
    <message>
        <source>{needed} needed of {limit} that may be used</source>
        <translation>需要 {needed}，最多可用 {limit}</translation>
    </message>
</context>
<context>
    <name>MemoryChart</name>
    <message>
        <source>Hold the graph still</source>
        <translation>暂停图表</translation>
    </message>
    <message>
        <source>Open the graph in large, and as a table</source>
        <translation>放大图表，也可作为表格查看</translation>
    </message>
    <message>
        <source>planned ceiling {size} MiB</source>
        <translation>规划上限 {size} MiB</translation>
    </message>
    <message>
        <source>The engine&apos;s process</source>
        <translation>引擎进程</translation>
    </message>
    <message>
        <source>{speed} t/s</source>
        <translation>{speed} t/s</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Cells</source>
        <translation>单元</translation>
    </message>
    <message>
        <source>Reading</source>
        <translation>读入</translation>
    </message>
    <message>
        <source>Writing</source>
        <translation>生成</translation>
    </message>
    <message>
        <source>Live</source>
        <translation>实时</translation>
    </message>
    <message>
        <source>Live graph</source>
        <translation>实时图表</translation>
    </message>
    <message>
        <source>last {count} seconds</source>
        <translation>最近 {count} 秒</translation>
    </message>
    <message>
        <source>last {count} minutes</source>
        <translation>最近 {count} 分钟</translation>
    </message>
    <message>
        <source>last hour</source>
        <translation>最近 1 小时</translation>
    </message>
    <message>
        <source>Time shown: {span}</source>
        <translation>显示时段：{span}</translation>
    </message>
    <message>
        <source>The next turn may not fit: the last ones took {tokens} tokens each</source>
        <translation>下一轮可能放不下：最近每轮用了 {tokens} 个 token</translation>
    </message>
    <message>
        <source>Full in about one turn, at {tokens} tokens each</source>
        <translation>大约再有一轮就满，每轮 {tokens} 个 token</translation>
    </message>
    <message>
        <source>Full in about {count} turns, at {tokens} tokens each</source>
        <translation>大约再有 {count} 轮就满，每轮 {tokens} 个 token</translation>
    </message>
</context>
<context>
    <name>MemoryItems</name>
    <message>
        <source>MiB</source>
        <translation>MiB</translation>
    </message>
    <message>
        <source>estimated</source>
        <translation>估算</translation>
    </message>
    <message>
        <source>planned</source>
        <translation>规划</translation>
    </message>
    <message>
        <source>measured</source>
        <translation>实测</translation>
    </message>
    <message>
        <source>Computed from the model&apos;s header.</source>
        <translation>根据模型文件头计算。</translation>
    </message>
    <message>
        <source>llama.cpp&apos;s own answer, nothing allocated.</source>
        <translation>llama.cpp 自己的回答，未分配任何内存。</translation>
    </message>
    <message>
        <source>What was really allocated.</source>
        <translation>实际分配的内存。</translation>
    </message>
    <message>
        <source>Together</source>
        <translation>合计</translation>
    </message>
    <message>
        <source>llama.cpp&apos;s own buffers together</source>
        <translation>llama.cpp 自身缓冲区合计</translation>
    </message>
    <message>
        <source>{difference} MiB against the column before</source>
        <translation>与前一列相差 {difference} MiB</translation>
    </message>
</context>
<context>
    <name>MemoryTable</name>
    <message>
        <source>Memory by kind</source>
        <translation>按类别的内存</translation>
    </message>
</context>
<context>
    <name>MessageActions</name>
    <message>
        <source>Message actions</source>
        <translation>消息操作</translation>
    </message>
    <message>
        <source>Copy message</source>
        <translation>复制消息</translation>
    </message>
    <message>
        <source>Answer again</source>
        <translation>重新回答</translation>
    </message>
    <message>
        <source>Edit and send again</source>
        <translation>编辑并重新发送</translation>
    </message>
    <message>
        <source>Version before (Alt+Left)</source>
        <translation>上一版（Alt+←）</translation>
    </message>
    <message>
        <source>Version after (Alt+Right)</source>
        <translation>下一版（Alt+→）</translation>
    </message>
</context>
<context>
    <name>ModelCardView</name>
    <message>
        <source>unverified</source>
        <translation>未验证</translation>
    </message>
    <message>
        <source>No test has compared this family&apos;s arithmetic with llama.cpp yet; the plan decides.</source>
        <translation>尚无测试将此系列的计算与 llama.cpp 对照；以规划为准。</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Open a GGUF file, or one opened before (Ctrl+O)</source>
        <translation>打开 GGUF 文件，或先前打开过的文件（Ctrl+O）</translation>
    </message>
    <message>
        <source>Opening {name} …</source>
        <translation>正在打开 {name}…</translation>
    </message>
    <message>
        <source>No model opened</source>
        <translation>未打开模型</translation>
    </message>
    <message>
        <source>Open a GGUF file or drop one on the window. Only its header is read at first.</source>
        <translation>打开 GGUF 文件，或把文件拖到窗口上。起初只读取文件头。</translation>
    </message>
    <message>
        <source>trained for {tokens}</source>
        <translation>训练长度 {tokens}</translation>
    </message>
    <message>
        <source>Architecture, parameters, quantisation, size of the file, context of the training</source>
        <translation>架构、参数量、量化、文件大小、训练上下文</translation>
    </message>
    <message>
        <source>Open a file …</source>
        <translation>打开文件…</translation>
    </message>
    <message>
        <source>Paste a launch command …</source>
        <translation>粘贴启动命令…</translation>
    </message>
    <message>
        <source>The built-in demo model</source>
        <translation>内置演示模型</translation>
    </message>
</context>
<context>
    <name>MovingDialog</name>
    <message>
        <source>KV Desk</source>
        <translation>KV Desk</translation>
    </message>
    <message>
        <source>Moving the data to {folder}</source>
        <translation>正在把数据移动到 {folder}</translation>
    </message>
    <message>
        <source>Progress of the move</source>
        <translation>移动进度</translation>
    </message>
    <message>
        <source>Leave it where it was</source>
        <translation>留在原处</translation>
    </message>
</context>
<context>
    <name>NameForm</name>
    <message>
        <source>Name of the preset</source>
        <translation>预设名称</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>Sampling</source>
        <translation>采样</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>“{name}” is built in; choose another name.</source>
        <translation>“{name}”是内置预设，请换一个名称。</translation>
    </message>
    <message>
        <source>There is a preset “{name}” already.</source>
        <translation>已有预设“{name}”。</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>Replace</source>
        <translation>替换</translation>
    </message>
</context>
<context>
    <name>NoticeBar</name>
    <message>
        <source>Next step</source>
        <translation>下一步</translation>
    </message>
    <message>
        <source>Copy details</source>
        <translation>复制详情</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>关闭提示</translation>
    </message>
</context>
<context>
    <name>OptionEditor</name>
    <message>
        <source>the model&apos;s</source>
        <translation>按模型</translation>
    </message>
    <message>
        <source>automatic</source>
        <translation>自动</translation>
    </message>
</context>
<context>
    <name>OptionNotes</name>
    <message>
        <source>{option}: {message}</source>
        <translation>{option}：{message}</translation>
    </message>
</context>
<context>
    <name>OptionsForm</name>
    <message>
        <source>Advanced</source>
        <translation>高级</translation>
    </message>
    <message>
        <source>All other options of llama.cpp that change loading</source>
        <translation>llama.cpp 影响加载的其他全部选项</translation>
    </message>
    <message>
        <source>Cache</source>
        <translation>缓存</translation>
    </message>
    <message>
        <source>Offload</source>
        <translation>把层放到 GPU</translation>
    </message>
    <message>
        <source>Compute</source>
        <translation>计算</translation>
    </message>
    <message>
        <source>CPU and memory</source>
        <translation>CPU 与内存</translation>
    </message>
    <message>
        <source>Long context</source>
        <translation>长上下文</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>网络</translation>
    </message>
</context>
<context>
    <name>PresetBar</name>
    <message>
        <source>Preset</source>
        <translation>预设</translation>
    </message>
    <message>
        <source>Answer this chat by a preset; it can be undone</source>
        <translation>按预设回答此对话；可以撤销</translation>
    </message>
    <message>
        <source>Save as…</source>
        <translation>另存为…</translation>
    </message>
    <message>
        <source>Keep this system prompt and sampling as a preset</source>
        <translation>将当前系统提示词和采样存为预设</translation>
    </message>
    <message>
        <source>Rename or delete your presets</source>
        <translation>重命名或删除您的预设</translation>
    </message>
    <message>
        <source>New chats begin with this preset</source>
        <translation>新对话从此预设开始</translation>
    </message>
    <message>
        <source>none: settings of its own</source>
        <translation>无（自定义设置）</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
</context>
<context>
    <name>PromptEdit</name>
    <message>
        <source>System prompt</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>What the model is told before the chat begins</source>
        <translation>对话开始之前告诉模型的话</translation>
    </message>
    <message>
        <source>As the loaded model counts</source>
        <translation>按已加载模型的计数</translation>
    </message>
</context>
<context>
    <name>Ribbon</name>
    <message>
        <source>Messages in the context</source>
        <translation>上下文中的消息</translation>
    </message>
</context>
<context>
    <name>Room</name>
    <message>
        <source>Rehearse: fill it twice and see that it holds</source>
        <translation>预演：填满两次，看是否承受得住</translation>
    </message>
    <message>
        <source>Reads as many tokens as the context has, twice; the conversation comes back.</source>
        <translation>按上下文的大小读入两遍 token；之后对话恢复原样。</translation>
    </message>
    <message>
        <source>the trained one</source>
        <translation>训练长度</translation>
    </message>
    <message>
        <source>Context: {actual} tokens (asked for {requested}, planned {planned})</source>
        <translation>上下文：{actual} 个 token（要求 {requested}，规划 {planned}）</translation>
    </message>
    <message>
        <source>{tokens} tokens, {k} / {v}: {size}</source>
        <translation>{tokens} 个 token，{k} / {v}：{size}</translation>
    </message>
    <message>
        <source>Find larger contexts that fit…</source>
        <translation>查找放得下的更大上下文…</translation>
    </message>
    <message>
        <source>Park this conversation’s cache on disk</source>
        <translation>将此对话的缓存存放到磁盘</translation>
    </message>
    <message>
        <source>Delete the parked cache ({size}, {tokens} tokens)</source>
        <translation>删除已存放的缓存（{size}，{tokens} 个 token）</translation>
    </message>
    <message>
        <source>When the context is full</source>
        <translation>上下文已满时</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Leave out the oldest messages</source>
        <translation>移出最早的消息</translation>
    </message>
    <message>
        <source>Ask</source>
        <translation>询问</translation>
    </message>
    <message>
        <source>As in the settings: {policy}</source>
        <translation>按设置：{policy}</translation>
    </message>
    <message>
        <source>{count} tokens</source>
        <translation>{count} 个 token</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>取消固定</translation>
    </message>
    <message>
        <source>Pin: never leave it out of the context</source>
        <translation>固定：永不移出上下文</translation>
    </message>
    <message>
        <source>Leave this exchange out: frees {freed} tokens, {read} are read again</source>
        <translation>移出这一轮对话：释放 {freed} 个 token，需重新读取 {read} 个</translation>
    </message>
    <message>
        <source>Summarise everything up to here ({tokens} tokens)…</source>
        <translation>将到此为止的内容写成摘要（{tokens} 个 token）…</translation>
    </message>
    <message>
        <source>Setting the contents aside</source>
        <translation>正在暂存内容</translation>
    </message>
    <message>
        <source>Making the context</source>
        <translation>正在创建上下文</translation>
    </message>
    <message>
        <source>Converting the contents</source>
        <translation>正在转换内容</translation>
    </message>
    <message>
        <source>Putting the contents back</source>
        <translation>正在放回内容</translation>
    </message>
    <message>
        <source>Checking the next token</source>
        <translation>正在核对下一个 token</translation>
    </message>
    <message>
        <source>Reading the conversation again</source>
        <translation>正在重新读取对话</translation>
    </message>
    <message>
        <source>Changing the context to {tokens} tokens</source>
        <translation>正在将上下文改为 {tokens} 个 token</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Round {round} of {rounds}, {done} of {total} tokens</source>
        <translation>第 {round} 轮，共 {rounds} 轮，{done} / {total} 个 token</translation>
    </message>
    <message>
        <source>about {time} left</source>
        <translation>约剩 {time}</translation>
    </message>
    <message>
        <source>Filling the context to see that it holds</source>
        <translation>正在填满上下文，看是否承受得住</translation>
    </message>
    <message>
        <source>Keep the messages</source>
        <translation>保留消息</translation>
    </message>
    <message>
        <source>Summarising {count} messages</source>
        <translation>正在为 {count} 条消息写摘要</translation>
    </message>
    <message>
        <source>{count} messages with {tokens} tokens, as {summary}</source>
        <translation>{count} 条消息共 {tokens} 个 token，摘要为 {summary} 个 token</translation>
    </message>
    <message>
        <source>Use this summary</source>
        <translation>采用此摘要</translation>
    </message>
    <message>
        <source>The messages stay in the conversation and can be brought back. You can change the text.</source>
        <translation>这些消息仍留在对话中，可随时放回。您可以修改文字。</translation>
    </message>
    <message>
        <source>Answer till it is full</source>
        <translation>回答到填满为止</translation>
    </message>
    <message>
        <source>Leave out the oldest</source>
        <translation>移出最早的</translation>
    </message>
    <message>
        <source>Choose what to leave out</source>
        <translation>选择要移出的</translation>
    </message>
    <message>
        <source>Summarise the oldest</source>
        <translation>将最早的写成摘要</translation>
    </message>
    <message>
        <source>Enlarge the context</source>
        <translation>扩大上下文</translation>
    </message>
    <message>
        <source>The conversation and an answer take {tokens} tokens too many</source>
        <translation>对话加回答超出上下文 {tokens} 个 token</translation>
    </message>
    <message>
        <source>Nothing is left out unless you say so.</source>
        <translation>未经您同意，不会移出任何内容。</translation>
    </message>
    <message>
        <source>The context is {percent} % full</source>
        <translation>上下文已用 {percent} %</translation>
    </message>
    <message>
        <source>Enlarge</source>
        <translation>扩大</translation>
    </message>
    <message>
        <source>Not now</source>
        <translation>暂不</translation>
    </message>
    <message>
        <source>Park and close</source>
        <translation>存放并关闭</translation>
    </message>
    <message>
        <source>Park this conversation’s cache before closing?</source>
        <translation>关闭前存放此对话的缓存吗？</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Stay</source>
        <translation>不关闭</translation>
    </message>
    <message>
        <source>{size} on disk save about {time} of reading.</source>
        <translation>占用磁盘 {size}，可省去约 {time}的读取。</translation>
    </message>
    <message>
        <source>About {time}.</source>
        <translation>约 {time}。</translation>
    </message>
    <message>
        <source>{size} on disk spare reading {tokens} tokens again.</source>
        <translation>占用磁盘 {size}，可省去重新读取 {tokens} 个 token。</translation>
    </message>
    <message>
        <source>Park</source>
        <translation>存放</translation>
    </message>
    <message>
        <source>Park this conversation’s cache?</source>
        <translation>存放此对话的缓存吗？</translation>
    </message>
</context>
<context>
    <name>RoomCard</name>
    <message>
        <source>Summary</source>
        <translation>摘要</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>进度</translation>
    </message>
</context>
<context>
    <name>SamplerControl</name>
    <message>
        <source>Back to the default of “{setting}”</source>
        <translation>恢复“{setting}”的默认值</translation>
    </message>
    <message>
        <source>{least} to {most}</source>
        <translation>{least} 至 {most}</translation>
    </message>
    <message>
        <source>default {value}</source>
        <translation>默认 {value}</translation>
    </message>
</context>
<context>
    <name>SamplerForm</name>
    <message>
        <source>Reset all</source>
        <translation>全部重置</translation>
    </message>
    <message>
        <source>Every sampler setting back to llama.cpp’s default</source>
        <translation>所有采样设置恢复为 llama.cpp 的默认值</translation>
    </message>
    <message>
        <source>Sampling</source>
        <translation>采样</translation>
    </message>
    <message>
        <source>Which tokens may come next</source>
        <translation>哪些 token 可以接着出现</translation>
    </message>
    <message>
        <source>The answer as a whole</source>
        <translation>整个回答</translation>
    </message>
    <message>
        <source>Against repetition</source>
        <translation>避免重复</translation>
    </message>
</context>
<context>
    <name>SettingControl</name>
    <message>
        <source>Back to the default of “{setting}”</source>
        <translation>恢复“{setting}”的默认值</translation>
    </message>
    <message>
        <source>Default: {value}</source>
        <translation>默认：{value}</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Search the settings</source>
        <translation>搜索设置</translation>
    </message>
    <message>
        <source>No setting is called so.</source>
        <translation>没有匹配的设置。</translation>
    </message>
    <message>
        <source>Reset all</source>
        <translation>全部恢复默认</translation>
    </message>
    <message>
        <source>Every setting on this page back to its default</source>
        <translation>把本页所有设置恢复为默认值</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Nothing is sent anywhere: no account, no telemetry, no search for updates. The only connections are those you ask for, to a model’s web address or to your own endpoint.</source>
        <translation>不会向任何地方发送任何内容：没有账户，没有遥测，也不检查更新。只有您要求时才会连接：模型的网址，或您自己的接口。</translation>
    </message>
</context>
<context>
    <name>TopBar</name>
    <message>
        <source>Show or hide the chats (Ctrl+B)</source>
        <translation>显示或隐藏对话列表（Ctrl+B）</translation>
    </message>
    <message>
        <source>Show or hide the desk (Ctrl+D)</source>
        <translation>显示或隐藏工作台（Ctrl+D）</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>The launch command for these options (Ctrl+E)</source>
        <translation>这些选项的启动命令（Ctrl+E）</translation>
    </message>
    <message>
        <source>Serve</source>
        <translation>接口</translation>
    </message>
    <message>
        <source>Let other programs use the loaded model</source>
        <translation>让其他程序使用已加载的模型</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Cache types</source>
        <translation>缓存类型</translation>
    </message>
    <message>
        <source>Attention kernel</source>
        <translation>注意力内核</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>No model opened</source>
        <translation>未打开模型</translation>
    </message>
    <message>
        <source>shown</source>
        <translation>已显示</translation>
    </message>
    <message>
        <source>hidden</source>
        <translation>已隐藏</translation>
    </message>
    <message>
        <source>opened · {model} answers</source>
        <translation>已打开 · 由 {model} 回答</translation>
    </message>
    <message>
        <source>Serving</source>
        <translation>接口已开启</translation>
    </message>
    <message>
        <source>Read back from the engine</source>
        <translation>从引擎读回</translation>
    </message>
    <message>
        <source>Chosen, not loaded yet</source>
        <translation>已选定，尚未加载</translation>
    </message>
    <message>
        <source>no flash attention</source>
        <translation>无 Flash Attention</translation>
    </message>
    <message>
        <source>Scores are computed in full; the compute buffer is larger.</source>
        <translation>注意力分数完整计算，计算缓冲区更大。</translation>
    </message>
    <message>
        <source>GPU kernel</source>
        <translation>GPU 内核</translation>
    </message>
    <message>
        <source>The GPU computes attention with this pair itself.</source>
        <translation>GPU 直接用这对类型计算注意力。</translation>
    </message>
    <message>
        <source>CPU kernel</source>
        <translation>CPU 内核</translation>
    </message>
    <message>
        <source>The GPU has no kernel for this pair; attention runs on the CPU, which is slow.</source>
        <translation>GPU 没有适用于这对类型的内核；注意力在 CPU 上计算，速度慢。</translation>
    </message>
    <message>
        <source>measured</source>
        <translation>实测</translation>
    </message>
    <message>
        <source>This context is allocated.</source>
        <translation>此上下文已经分配。</translation>
    </message>
    <message>
        <source>planned</source>
        <translation>规划</translation>
    </message>
    <message>
        <source>llama.cpp itself was asked what this context takes.</source>
        <translation>已询问 llama.cpp 此上下文的占用。</translation>
    </message>
    <message>
        <source>estimated</source>
        <translation>估算</translation>
    </message>
    <message>
        <source>Computed from the header; llama.cpp has not been asked yet.</source>
        <translation>根据文件头计算；尚未询问 llama.cpp。</translation>
    </message>
    <message>
        <source>{tokens} tokens · {degree}</source>
        <translation>{tokens} token · {degree}</translation>
    </message>
    <message>
        <source>✓ proven to {tokens} tokens</source>
        <translation>✓ 已验证至 {tokens} 个 token</translation>
    </message>
    <message>
        <source>Filled to its end {count} times on {date}, and it held.</source>
        <translation>于 {date} 填满了 {count} 次，没有出错。</translation>
    </message>
    <message>
        <source>{device}: {size} in use at most</source>
        <translation>{device}：最多占用 {size}</translation>
    </message>
    <message>
        <source>at {tokens} tokens: {speed}</source>
        <translation>{tokens} 个 token 时：{speed}</translation>
    </message>
</context>
<context>
    <name>Tour</name>
    <message>
        <source>Skip</source>
        <translation>跳过</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>上一步</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>下一步</translation>
    </message>
    <message>
        <source>Chat with the demo</source>
        <translation>与演示模型对话</translation>
    </message>
</context>
<context>
    <name>UndoBar</name>
    <message>
        <source>Deleted chat</source>
        <translation>已删除的对话</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Bring the chat back (Ctrl+Z in the list)</source>
        <translation>恢复该对话（在列表中按 Ctrl+Z）</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>关闭提示</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Deleted “{title}”</source>
        <translation>已删除“{title}”</translation>
    </message>
</context>
<context>
    <name>UndoLine</name>
    <message>
        <source>What was done with a preset</source>
        <translation>对预设的操作</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>关闭提示</translation>
    </message>
</context>
<context>
    <name>_Row</name>
    <message>
        <source>Frees {gain}. {cost}</source>
        <translation>释放 {gain}。{cost}</translation>
    </message>
    <message>
        <source>Frees {gain}, not enough alone. {cost}</source>
        <translation>释放 {gain}，仅此还不够。{cost}</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Apply: {change}</source>
        <translation>应用：{change}</translation>
    </message>
</context>
<context>
    <name>core</name>
    <message>
        <source>, </source>
        <translation>，</translation>
    </message>
    <message>
        <source>--ctx-checkpoints 8 avoids it for some more host memory.</source>
        <translation>用 --ctx-checkpoints 8 可避免，代价是多占一些主机内存。</translation>
    </message>
    <message>
        <source>0 always takes the likeliest token.</source>
        <translation>0 总是取最可能的 token。</translation>
    </message>
    <message>
        <source>1 layer</source>
        <translation>1 层</translation>
    </message>
    <message>
        <source>1 turns the penalty off.</source>
        <translation>1 表示关闭惩罚。</translation>
    </message>
    <message>
        <source>; </source>
        <translation>；</translation>
    </message>
    <message>
        <source>A bf16 K cache cannot be shifted on the CPU: llama.cpp ends when the context overflows.</source>
        <translation>bf16 的 K 缓存无法在 CPU 上平移：上下文溢出时 llama.cpp 会终止。</translation>
    </message>
    <message>
        <source>A message needs a role: system, developer, user or assistant.</source>
        <translation>每条消息都需要一个角色：system、developer、user 或 assistant。</translation>
    </message>
    <message>
        <source>A message&apos;s content must be text; pictures and sound are not read here.</source>
        <translation>消息内容必须是文本；这里不读取图片和声音。</translation>
    </message>
    <message>
        <source>A model at a web address can be estimated but not loaded.</source>
        <translation>网址上的模型可以估算，但不能加载。</translation>
    </message>
    <message>
        <source>A quantised V cache needs flash attention.</source>
        <translation>量化的 V 缓存需要 Flash Attention。</translation>
    </message>
    <message>
        <source>A quotation mark in the command is never closed.</source>
        <translation>命令中有一个引号没有闭合。</translation>
    </message>
    <message>
        <source>A repeat penalty of 0 would divide by zero.</source>
        <translation>重复惩罚为 0 会导致除以零。</translation>
    </message>
    <message>
        <source>A tensor override has no pattern.</source>
        <translation>有一项张量覆盖缺少匹配模式。</translation>
    </message>
    <message>
        <source>A tensor split of {given} shares is too long.</source>
        <translation>张量切分有 {given} 份，太长。</translation>
    </message>
    <message>
        <source>About 160 KiB of work buffer each with flash attention.</source>
        <translation>启用 Flash Attention 时每个线程约占 160 KiB 工作缓冲区。</translation>
    </message>
    <message>
        <source>All of these together, each at its own price.</source>
        <translation>以上合用，各有代价。</translation>
    </message>
    <message>
        <source>Always</source>
        <translation>总是</translation>
    </message>
    <message>
        <source>An RPC server ended or answered nonsense.</source>
        <translation>有 RPC 服务器已退出，或返回了无效数据。</translation>
    </message>
    <message>
        <source>Another program is holding the file of conversations.</source>
        <translation>对话文件正被另一个程序占用。</translation>
    </message>
    <message>
        <source>Answers are as with f16.</source>
        <translation>回答与 f16 相同。</translation>
    </message>
    <message>
        <source>Answers can differ visibly from f16&apos;s.</source>
        <translation>回答可能与 f16 明显不同。</translation>
    </message>
    <message>
        <source>Answers can get visibly worse.</source>
        <translation>回答可能明显变差。</translation>
    </message>
    <message>
        <source>Answers change somewhat; try it on your own questions.</source>
        <translation>回答略有变化；请用自己的问题试试。</translation>
    </message>
    <message>
        <source>Answers differ somewhat from f16&apos;s.</source>
        <translation>回答与 f16 略有不同。</translation>
    </message>
    <message>
        <source>Answers hardly change, and conversations have less room.</source>
        <translation>回答几乎不变，但对话空间变小。</translation>
    </message>
    <message>
        <source>Answers hardly change.</source>
        <translation>回答几乎不变。</translation>
    </message>
    <message>
        <source>Answers hardly differ from f16&apos;s.</source>
        <translation>回答与 f16 几乎没有差别。</translation>
    </message>
    <message>
        <source>Ask</source>
        <translation>询问</translation>
    </message>
    <message>
        <source>Base frequency of RoPE; 0 takes the model&apos;s.</source>
        <translation>RoPE 的基频；0 取模型的值。</translation>
    </message>
    <message>
        <source>Batch</source>
        <translation>批大小</translation>
    </message>
    <message>
        <source>Build llama-cpp-python with -DGGML_RPC=ON.</source>
        <translation>请用 -DGGML_RPC=ON 编译 llama-cpp-python。</translation>
    </message>
    <message>
        <source>CPU threads while answering; 0 takes one for each physical (performance) core.</source>
        <translation>回答时的 CPU 线程数；0 表示每个物理（性能）核一个。</translation>
    </message>
    <message>
        <source>CPU threads while reading the prompt; 0 takes the same as while answering.</source>
        <translation>读入提示词时的 CPU 线程数；0 表示与回答时相同。</translation>
    </message>
    <message>
        <source>Cache on GPU</source>
        <translation>缓存放在 GPU</translation>
    </message>
    <message>
        <source>Changes the padding of the context and the size of window caches.</source>
        <translation>会改变上下文的对齐填充和窗口缓存的大小。</translation>
    </message>
    <message>
        <source>Check that the folder exists and that you may write there.</source>
        <translation>请检查该文件夹是否存在、是否有写入权限。</translation>
    </message>
    <message>
        <source>Check that {path} may be written and that the disk is not full.</source>
        <translation>请检查 {path} 是否可写，以及磁盘是否已满。</translation>
    </message>
    <message>
        <source>Check that {path} may be written.</source>
        <translation>请确认 {path} 可以写入。</translation>
    </message>
    <message>
        <source>Check the address and your connection.</source>
        <translation>请检查地址和网络连接。</translation>
    </message>
    <message>
        <source>Check the address.</source>
        <translation>请检查地址。</translation>
    </message>
    <message>
        <source>Check the disk or the connection and try again.</source>
        <translation>请检查磁盘或连接后重试。</translation>
    </message>
    <message>
        <source>Check the file&apos;s permissions.</source>
        <translation>请检查文件权限。</translation>
    </message>
    <message>
        <source>Check the path.</source>
        <translation>请检查路径。</translation>
    </message>
    <message>
        <source>Choose a file on disk.</source>
        <translation>请选择磁盘上的文件。</translation>
    </message>
    <message>
        <source>Choose a file whose name ends in .gguf.</source>
        <translation>请选择名称以 .gguf 结尾的文件。</translation>
    </message>
    <message>
        <source>Choose a larger context, or drop messages first.</source>
        <translation>请选择更大的上下文，或先移出一些消息。</translation>
    </message>
    <message>
        <source>Choose a smaller context, quantised K and V, fewer GPU layers or a smaller ubatch.</source>
        <translation>请减小上下文、量化 K 和 V、减少 GPU 层数，或减小 ubatch。</translation>
    </message>
    <message>
        <source>Choose a smaller context.</source>
        <translation>请选择更小的上下文。</translation>
    </message>
    <message>
        <source>Choose another folder, or make room on the disk.</source>
        <translation>请选择其他文件夹，或腾出磁盘空间。</translation>
    </message>
    <message>
        <source>Choose another port with --port, or another host.</source>
        <translation>请用 --port 选择其他端口，或换一个地址。</translation>
    </message>
    <message>
        <source>Choose messages that are in the context.</source>
        <translation>请选择仍在上下文中的消息。</translation>
    </message>
    <message>
        <source>Choose messages with {tokens} tokens or more; they stay in the conversation and can be brought back. What follows them is read again.</source>
        <translation>请选择共有 {tokens} 个或更多 token 的消息；它们仍留在对话中，可随时放回。其后的内容会重新读取。</translation>
    </message>
    <message>
        <source>Choose one of {choices}.</source>
        <translation>请从 {choices} 中选择。</translation>
    </message>
    <message>
        <source>Choose one of {names}.</source>
        <translation>请从 {names} 中选择。</translation>
    </message>
    <message>
        <source>Choose one type for both.</source>
        <translation>请为两者选择同一类型。</translation>
    </message>
    <message>
        <source>Choose the .gguf file beside it.</source>
        <translation>请选择它旁边的 .gguf 文件。</translation>
    </message>
    <message>
        <source>Choose the .gguf file inside it.</source>
        <translation>请选择其中的 .gguf 文件。</translation>
    </message>
    <message>
        <source>Close other programs, or let the copy go through a file.</source>
        <translation>请关闭其他程序，或改经文件复制。</translation>
    </message>
    <message>
        <source>Close the other program that uses {path} and try again.</source>
        <translation>请关闭正在使用 {path} 的程序，然后重试。</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>Context is stretched by this factor; 0 takes the model&apos;s.</source>
        <translation>上下文按此倍数拉长；0 取模型的值。</translation>
    </message>
    <message>
        <source>Conversations have less room.</source>
        <translation>对话空间变小。</translation>
    </message>
    <message>
        <source>Copying the cache takes {needed} and “{folder}” has {free} left.</source>
        <translation>复制缓存需要 {needed}，而“{folder}”只剩 {free}。</translation>
    </message>
    <message>
        <source>Copying the cache takes {needed} of memory and {free} are free.</source>
        <translation>复制缓存需要 {needed} 内存，而空闲内存只有 {free}。</translation>
    </message>
    <message>
        <source>DRY</source>
        <translation>DRY</translation>
    </message>
    <message>
        <source>DRY base</source>
        <translation>DRY 底数</translation>
    </message>
    <message>
        <source>DRY length</source>
        <translation>DRY 允许长度</translation>
    </message>
    <message>
        <source>DRY range</source>
        <translation>DRY 回看范围</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Decides how many layers each device holds.</source>
        <translation>决定各设备放多少层。</translation>
    </message>
    <message>
        <source>Decides which device holds which weights and which part of the cache.</source>
        <translation>决定各设备放哪些权重和哪部分缓存。</translation>
    </message>
    <message>
        <source>Devices</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>Devices are counted from 0; -1 uses the CPU alone.</source>
        <translation>设备从 0 开始编号；-1 表示只用 CPU。</translation>
    </message>
    <message>
        <source>Devices here: {there}.</source>
        <translation>本机的设备：{there}。</translation>
    </message>
    <message>
        <source>Devices that are here and GPUs that are not cannot be mixed.</source>
        <translation>本机的设备不能与本机没有的 GPU 混用。</translation>
    </message>
    <message>
        <source>Divides the context among sequences; recurrent state is kept once for each.</source>
        <translation>上下文由各序列平分；循环状态每个序列各存一份。</translation>
    </message>
    <message>
        <source>Divides the logits of recent tokens; 1 turns it off.</source>
        <translation>除以近期 token 的 logits；1 表示关闭。</translation>
    </message>
    <message>
        <source>Do it</source>
        <translation>直接执行</translation>
    </message>
    <message>
        <source>Download it again.</source>
        <translation>请重新下载。</translation>
    </message>
    <message>
        <source>Download the file and open it from this disk.</source>
        <translation>请先下载文件，再从本机磁盘打开。</translation>
    </message>
    <message>
        <source>Each costs four bytes for every vocabulary entry in the compute buffer.</source>
        <translation>每个 token 在计算缓冲区中按词表每项占 4 字节。</translation>
    </message>
    <message>
        <source>Element type of the K cache.</source>
        <translation>K 缓存的元素类型。</translation>
    </message>
    <message>
        <source>Element type of the V cache; quantised types need flash attention.</source>
        <translation>V 缓存的元素类型；量化类型需要 Flash Attention。</translation>
    </message>
    <message>
        <source>Embedding models, encoders and diffusion models are for other programs.</source>
        <translation>嵌入模型、编码器和扩散模型请用其他程序。</translation>
    </message>
    <message>
        <source>End the engine, load it again and go on.</source>
        <translation>结束引擎，重新加载并继续</translation>
    </message>
    <message>
        <source>English</source>
        <translation>English</translation>
    </message>
    <message>
        <source>Enlarge the context first.</source>
        <translation>请先扩大上下文。</translation>
    </message>
    <message>
        <source>Every place for a token is taken when the server starts.</source>
        <translation>服务器启动时即占用全部 token 位置。</translation>
    </message>
    <message>
        <source>Everything that was searched fits</source>
        <translation>搜索范围内全部放得下</translation>
    </message>
    <message>
        <source>Experts on CPU</source>
        <translation>专家放在 CPU</translation>
    </message>
    <message>
        <source>Fetch a newer file of this model, or convert it again.</source>
        <translation>请获取该模型的新文件，或重新转换。</translation>
    </message>
    <message>
        <source>Fetch all parts from one place.</source>
        <translation>请从同一处获取所有部分。</translation>
    </message>
    <message>
        <source>Fetch it again.</source>
        <translation>请重新获取。</translation>
    </message>
    <message>
        <source>Fetch the file again.</source>
        <translation>请重新获取文件。</translation>
    </message>
    <message>
        <source>Fetch this part again, under the name it was published with.</source>
        <translation>请以发布时的名称重新获取这一部分。</translation>
    </message>
    <message>
        <source>Flash attention</source>
        <translation>Flash Attention</translation>
    </message>
    <message>
        <source>Free some space on the disk of {path} and send again.</source>
        <translation>请在 {path} 所在磁盘腾出空间，然后重新发送。</translation>
    </message>
    <message>
        <source>Frees most of a mixture&apos;s weights on the GPU.</source>
        <translation>释放混合专家模型在 GPU 上的大部分权重。</translation>
    </message>
    <message>
        <source>Frees those experts&apos; weights on the GPU.</source>
        <translation>释放这些专家在 GPU 上的权重。</translation>
    </message>
    <message>
        <source>Frequency penalty</source>
        <translation>频率惩罚</translation>
    </message>
    <message>
        <source>Full window cache</source>
        <translation>完整窗口缓存</translation>
    </message>
    <message>
        <source>Fused attention; auto turns it on wherever the device has a kernel.</source>
        <translation>融合注意力；auto 在设备有内核时打开。</translation>
    </message>
    <message>
        <source>GPU layers</source>
        <translation>GPU 层数</translation>
    </message>
    <message>
        <source>Give the files back their names, like model-00001-of-{count:05d}.gguf.</source>
        <translation>请恢复文件名，如 model-00001-of-{count:05d}.gguf。</translation>
    </message>
    <message>
        <source>Give the size of each one, like CUDA0=8GiB.</source>
        <translation>请给出每个设备的大小，如 CUDA0=8GiB。</translation>
    </message>
    <message>
        <source>High contrast</source>
        <translation>高对比度</translation>
    </message>
    <message>
        <source>How fast that penalty grows with the sequence&apos;s length.</source>
        <translation>惩罚随序列长度增长的快慢。</translation>
    </message>
    <message>
        <source>How long nothing happens in a chat before it counts as resting.</source>
        <translation>对话多久没有动静才算闲置。</translation>
    </message>
    <message>
        <source>How many tokens back it looks; -1 for the context.</source>
        <translation>向前查看的 token 数；-1 表示整个上下文。</translation>
    </message>
    <message>
        <source>How many tokens back the penalties look; -1 for the context.</source>
        <translation>惩罚向前查看的 token 数；-1 表示整个上下文。</translation>
    </message>
    <message>
        <source>How often the likeliest tokens are left out; 0 turns it off.</source>
        <translation>排除最可能 token 的频率；0 表示关闭。</translation>
    </message>
    <message>
        <source>How positions beyond the trained context are scaled; by default what the model says.</source>
        <translation>超出训练上下文的位置如何缩放；默认按模型所述。</translation>
    </message>
    <message>
        <source>How several GPUs share a model: by whole layers, by rows or by tensors.</source>
        <translation>多个 GPU 如何分担模型：按整层、按行或按张量。</translation>
    </message>
    <message>
        <source>It is a vocabulary or a part of a set; open the file with the weights.</source>
        <translation>它是词表或分卷之一；请打开含权重的文件。</translation>
    </message>
    <message>
        <source>It is not a language model, or its conversion was incomplete.</source>
        <translation>它不是语言模型，或转换不完整。</translation>
    </message>
    <message>
        <source>It is older than GGUF; fetch a GGUF file of the same model.</source>
        <translation>它早于 GGUF；请获取同一模型的 GGUF 文件。</translation>
    </message>
    <message>
        <source>It may be cut short or made by a broken converter; fetch it again.</source>
        <translation>它可能不完整或由有缺陷的转换器生成；请重新获取。</translation>
    </message>
    <message>
        <source>It was deleted, perhaps in another window.</source>
        <translation>它已被删除，可能是在另一个窗口中。</translation>
    </message>
    <message>
        <source>Its compute buffer is then smaller than the plan&apos;s.</source>
        <translation>因此它的计算缓冲区比规划的小。</translation>
    </message>
    <message>
        <source>K</source>
        <translation>K</translation>
    </message>
    <message>
        <source>K as {k} and V as {v}</source>
        <translation>K 用 {k}、V 用 {v}</translation>
    </message>
    <message>
        <source>K as {type} is stored {block} values at a time; its rows do not divide.</source>
        <translation>K 用 {type} 时每 {block} 个值为一块；此模型的行长不能整除。</translation>
    </message>
    <message>
        <source>K in {type} cannot be moved while LLAMA_ATTN_ROT_DISABLE is set.</source>
        <translation>设置了 LLAMA_ATTN_ROT_DISABLE 时，{type} 的 K 无法平移。</translation>
    </message>
    <message>
        <source>K in {type} cannot be moved with this model&apos;s heads; in f16 it can.</source>
        <translation>以此模型的头尺寸，{type} 的 K 无法平移；f16 则可以。</translation>
    </message>
    <message>
        <source>K in {type} cannot be moved.</source>
        <translation>{type} 的 K 无法平移。</translation>
    </message>
    <message>
        <source>K of every cache</source>
        <translation>所有缓存的 K</translation>
    </message>
    <message>
        <source>K of every cache, as printed</source>
        <translation>所有缓存的 K（按日志）</translation>
    </message>
    <message>
        <source>Keep V as f16.</source>
        <translation>请让 V 保持 f16。</translation>
    </message>
    <message>
        <source>Keep all experts of a mixture in host memory.</source>
        <translation>混合专家模型的所有专家都放在主机内存。</translation>
    </message>
    <message>
        <source>Keep sliding-window layers at the full context, so that the cache can be shifted.</source>
        <translation>滑动窗口层也保留完整上下文，使缓存可以平移。</translation>
    </message>
    <message>
        <source>Keep the cache as it is, or load the model again with these options.</source>
        <translation>保持缓存不变，或用这些选项重新加载模型。</translation>
    </message>
    <message>
        <source>Keep the cache beside its layer; off keeps all of it in host memory (-nkvo).</source>
        <translation>缓存与其层放在一起；off 则全部放在主机内存（-nkvo）。</translation>
    </message>
    <message>
        <source>Keep the experts of the first N layers in host memory.</source>
        <translation>前 N 层的专家放在主机内存。</translation>
    </message>
    <message>
        <source>Keep the weights from being swapped out.</source>
        <translation>防止权重被换出。</translation>
    </message>
    <message>
        <source>Keep what was read of a chat in a file when it rests, so that it need not be read again.</source>
        <translation>对话闲置时，把已读入的内容存放到文件，以后就不必重新读取。</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Larger context</source>
        <translation>更大的上下文</translation>
    </message>
    <message>
        <source>Layers kept on the GPU, output layer included; -1 or “all” for every one. llama-server&apos;s default lets it move layers to the CPU unasked; here nothing moves silently.</source>
        <translation>放在 GPU 上的层数，含输出层；-1 或“all”表示全部。llama-server 默认会擅自把层移到 CPU；这里不会。</translation>
    </message>
    <message>
        <source>Layers with experts on CPU</source>
        <translation>专家放在 CPU 的层数</translation>
    </message>
    <message>
        <source>Leave it</source>
        <translation>不处理</translation>
    </message>
    <message>
        <source>Leave it out.</source>
        <translation>请去掉它。</translation>
    </message>
    <message>
        <source>Leave out the oldest</source>
        <translation>移出最早的消息</translation>
    </message>
    <message>
        <source>Let the GPU compute with weights that stay on the host while reading prompts.</source>
        <translation>读入提示词时，让 GPU 用留在主机上的权重计算。</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Load a model, or wait for the answer.</source>
        <translation>请加载模型，或等待回答结束。</translation>
    </message>
    <message>
        <source>Load again with other options; the chat is kept.</source>
        <translation>请换用其他选项重新加载；对话会保留。</translation>
    </message>
    <message>
        <source>Load it again as it was and go on.</source>
        <translation>按原样重新加载并继续</translation>
    </message>
    <message>
        <source>Load it with {changes} and go on.</source>
        <translation>以 {changes} 加载并继续</translation>
    </message>
    <message>
        <source>Load one and ask again.</source>
        <translation>请先加载一个模型再提问。</translation>
    </message>
    <message>
        <source>Load one first.</source>
        <translation>请先加载一个。</translation>
    </message>
    <message>
        <source>Load the model again with these options.</source>
        <translation>请用这些选项重新加载模型。</translation>
    </message>
    <message>
        <source>Load the model again.</source>
        <translation>请重新加载模型。</translation>
    </message>
    <message>
        <source>Load the model with a larger context, or begin a new chat.</source>
        <translation>请用更大的上下文加载模型，或开始新对话。</translation>
    </message>
    <message>
        <source>Locally typical sampling; 1 turns it off.</source>
        <translation>局部典型采样；1 表示关闭。</translation>
    </message>
    <message>
        <source>Lock in memory</source>
        <translation>锁定在内存</translation>
    </message>
    <message>
        <source>Longest answer</source>
        <translation>回答长度上限</translation>
    </message>
    <message>
        <source>Look for a GGUF file of the same model, or convert it with llama.cpp&apos;s convert_hf_to_gguf.py.</source>
        <translation>请查找同一模型的 GGUF 文件，或用 llama.cpp 的 convert_hf_to_gguf.py 转换。</translation>
    </message>
    <message>
        <source>Look for another file of this model.</source>
        <translation>请寻找此模型的其他文件。</translation>
    </message>
    <message>
        <source>Main GPU</source>
        <translation>主 GPU</translation>
    </message>
    <message>
        <source>Make room there or choose another folder; what was parked before is still there.</source>
        <translation>请腾出空间或另选文件夹；先前存放的内容仍在。</translation>
    </message>
    <message>
        <source>Make room there, or choose another folder.</source>
        <translation>请腾出空间，或另选文件夹。</translation>
    </message>
    <message>
        <source>Map the file</source>
        <translation>映射文件</translation>
    </message>
    <message>
        <source>Map the model file instead of reading it into memory.</source>
        <translation>映射模型文件，而不是读入内存。</translation>
    </message>
    <message>
        <source>Mapped pages are reclaimable and shared; without it they are committed.</source>
        <translation>映射页可回收、可共享；关闭后则实际占用内存。</translation>
    </message>
    <message>
        <source>Mapped pages can no longer be reclaimed.</source>
        <translation>映射页不再能被回收。</translation>
    </message>
    <message>
        <source>Memory on each device that plans leave free for other programs.</source>
        <translation>规划时在每个设备上为其他程序留出的内存。</translation>
    </message>
    <message>
        <source>Min-p</source>
        <translation>Min-p</translation>
    </message>
    <message>
        <source>Moves everything to that device.</source>
        <translation>全部放到该设备。</translation>
    </message>
    <message>
        <source>Moves the matching weights.</source>
        <translation>移动名称匹配的权重。</translation>
    </message>
    <message>
        <source>Moves weights and their share of the cache between host and device.</source>
        <translation>在主机与设备之间移动权重及其对应的缓存。</translation>
    </message>
    <message>
        <source>Nearest: {names}. Or give the memory yourself, like gpu0=8GiB.</source>
        <translation>最接近的：{names}。也可自行给出内存，如 gpu0=8GiB。</translation>
    </message>
    <message>
        <source>No context fits with this pair of cache types; try smaller types or a smaller model.</source>
        <translation>用这对缓存类型，任何上下文都放不下；请尝试更小的类型或更小的模型。</translation>
    </message>
    <message>
        <source>No larger context fits into the memory that is free.</source>
        <translation>空闲内存放不下更大的上下文。</translation>
    </message>
    <message>
        <source>No model is loaded.</source>
        <translation>没有加载模型。</translation>
    </message>
    <message>
        <source>No model is open.</source>
        <translation>没有打开模型。</translation>
    </message>
    <message>
        <source>None by itself.</source>
        <translation>本身不占内存。</translation>
    </message>
    <message>
        <source>Not enough memory for {purpose}.</source>
        <translation>内存不足，无法用于{purpose}。</translation>
    </message>
    <message>
        <source>Not enough memory for {purpose}: {size} could not be allocated ({where}).</source>
        <translation>内存不足，无法用于{purpose}：无法分配 {size}（{where}）。</translation>
    </message>
    <message>
        <source>Nothing is placed on the others.</source>
        <translation>其他 GPU 上不放任何内容。</translation>
    </message>
    <message>
        <source>Nothing, unless you ask for the logits of whole prompts.</source>
        <translation>无代价，除非需要整个提示词的 logits。</translation>
    </message>
    <message>
        <source>Nothing, where the device has a kernel for it.</source>
        <translation>设备有对应内核时无代价。</translation>
    </message>
    <message>
        <source>Off moves K and V from the GPU to the host; reading becomes slow.</source>
        <translation>关闭后 K 和 V 从 GPU 移到主机内存，读取变慢。</translation>
    </message>
    <message>
        <source>Offload operations</source>
        <translation>运算交给 GPU</translation>
    </message>
    <message>
        <source>On disk, for all of them; those not used for longest go first.</source>
        <translation>所有存放的对话在磁盘上的总空间；最久未用的先删除。</translation>
    </message>
    <message>
        <source>One cache shared by all sequences instead of a part for each.</source>
        <translation>所有序列共用一个缓存，而不是各占一份。</translation>
    </message>
    <message>
        <source>One layer lies unpacked beside it, at full length.</source>
        <translation>另有一层按完整长度解包存放。</translation>
    </message>
    <message>
        <source>One sequence at a time.</source>
        <translation>一次只服务一个序列。</translation>
    </message>
    <message>
        <source>Only the PyTorch engine has it.</source>
        <translation>仅 PyTorch 引擎支持。</translation>
    </message>
    <message>
        <source>Only the k likeliest tokens; 0 for all.</source>
        <translation>只取最可能的 k 个 token；0 表示全部。</translation>
    </message>
    <message>
        <source>Only through the ubatch, which cannot be larger.</source>
        <translation>只通过 ubatch 间接影响：ubatch 不能大于它。</translation>
    </message>
    <message>
        <source>Only tokens at least this likely relative to the likeliest.</source>
        <translation>只取相对最可能者不低于此比例的 token。</translation>
    </message>
    <message>
        <source>Open a GGUF file, or the built-in demo model.</source>
        <translation>请打开 GGUF 文件或内置的演示模型。</translation>
    </message>
    <message>
        <source>Open its first part, which stands for all: {first}</source>
        <translation>请打开代表全部的第一部分：{first}</translation>
    </message>
    <message>
        <source>Open the model again.</source>
        <translation>请重新打开模型。</translation>
    </message>
    <message>
        <source>Outputs</source>
        <translation>输出数</translation>
    </message>
    <message>
        <source>PATTERN=BUFFER pairs: tensors whose name matches go to that buffer, first match first.</source>
        <translation>PATTERN=BUFFER 对：名称匹配的张量放入该缓冲区，先匹配者优先。</translation>
    </message>
    <message>
        <source>Park chats on disk</source>
        <translation>把对话存放到磁盘</translation>
    </message>
    <message>
        <source>Part {number} of {count} of the model is missing: {path}</source>
        <translation>模型缺少第 {number} 部分（共 {count}）：{path}</translation>
    </message>
    <message>
        <source>Paste the whole command.</source>
        <translation>请粘贴完整的命令。</translation>
    </message>
    <message>
        <source>Penalty for repeating a sequence; 0 turns it off.</source>
        <translation>对重复序列的惩罚；0 表示关闭。</translation>
    </message>
    <message>
        <source>Penalty range</source>
        <translation>惩罚回看范围</translation>
    </message>
    <message>
        <source>Presence penalty</source>
        <translation>存在惩罚</translation>
    </message>
    <message>
        <source>Prompts are read more slowly.</source>
        <translation>读入提示词变慢。</translation>
    </message>
    <message>
        <source>Prompts are read somewhat more slowly.</source>
        <translation>读入提示词稍慢。</translation>
    </message>
    <message>
        <source>Put all parts in one folder, under the names they were published with.</source>
        <translation>请把所有部分以发布时的名称放在同一文件夹。</translation>
    </message>
    <message>
        <source>Quote characters such as ( and + with a backslash.</source>
        <translation>请用反斜杠转义 ( 和 + 等字符。</translation>
    </message>
    <message>
        <source>RPC servers</source>
        <translation>RPC 服务器</translation>
    </message>
    <message>
        <source>Rearrange weights for the CPU&apos;s vector units.</source>
        <translation>为 CPU 的向量单元重排权重。</translation>
    </message>
    <message>
        <source>Recurrent layers keep a fixed state, which is not counted.</source>
        <translation>循环层保存固定状态，未计入。</translation>
    </message>
    <message>
        <source>Rename the file; no shell passes such a name on reliably.</source>
        <translation>请重命名文件；没有 shell 能可靠传递这样的名称。</translation>
    </message>
    <message>
        <source>Repack weights</source>
        <translation>重排权重</translation>
    </message>
    <message>
        <source>Repacked weights are a copy beside the mapped file.</source>
        <translation>重排后的权重是映射文件之外的一份副本。</translation>
    </message>
    <message>
        <source>Repeat penalty</source>
        <translation>重复惩罚</translation>
    </message>
    <message>
        <source>Repeats up to this length are free.</source>
        <translation>不超过此长度的重复不受罚。</translation>
    </message>
    <message>
        <source>Reserve</source>
        <translation>预留内存</translation>
    </message>
    <message>
        <source>Restart KV Desk.</source>
        <translation>请重新启动 KV Desk。</translation>
    </message>
    <message>
        <source>Restart KV Desk: it keeps {path} under another name and starts a new one.</source>
        <translation>请重新启动 KV Desk：它会把 {path} 改名保留，并新建一个。</translation>
    </message>
    <message>
        <source>Rests after minutes</source>
        <translation>多少分钟后算闲置</translation>
    </message>
    <message>
        <source>RoPE base</source>
        <translation>RoPE 基频</translation>
    </message>
    <message>
        <source>RoPE frequency scale</source>
        <translation>RoPE 频率缩放</translation>
    </message>
    <message>
        <source>RoPE scale</source>
        <translation>RoPE 倍数</translation>
    </message>
    <message>
        <source>RoPE scaling</source>
        <translation>RoPE 缩放方式</translation>
    </message>
    <message>
        <source>Room for parked chats</source>
        <translation>存放对话的空间</translation>
    </message>
    <message>
        <source>Run the set-up script again.</source>
        <translation>请重新运行安装脚本。</translation>
    </message>
    <message>
        <source>Run the set-up script again; it builds and installs it.</source>
        <translation>请重新运行安装脚本，它会编译并安装。</translation>
    </message>
    <message>
        <source>Run the set-up script again; it builds the library for this machine.</source>
        <translation>请重新运行安装脚本，它会为本机编译该库。</translation>
    </message>
    <message>
        <source>Run “git lfs pull” in its folder to fetch the model itself.</source>
        <translation>请在其文件夹中运行“git lfs pull”以获取模型本身。</translation>
    </message>
    <message>
        <source>Say more of the name: {names}.</source>
        <translation>请写得更完整：{names}。</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>种子</translation>
    </message>
    <message>
        <source>Separate the entries with single commas.</source>
        <translation>各项之间用单个逗号分隔。</translation>
    </message>
    <message>
        <source>Sequences</source>
        <translation>序列数</translation>
    </message>
    <message>
        <source>Sequences served at once, 256 at most. llama-server takes 4 by itself; one chat needs 1.</source>
        <translation>同时服务的序列数，最多 256。llama-server 自行取 4；一个对话只需 1。</translation>
    </message>
    <message>
        <source>Serve fewer sequences at once.</source>
        <translation>请减少同时服务的序列。</translation>
    </message>
    <message>
        <source>Set both to {k} or both to {v}.</source>
        <translation>请将两者都设为 {k}，或都设为 {v}。</translation>
    </message>
    <message>
        <source>Set swa_full to keep them all, at the price of a full cache.</source>
        <translation>启用 swa_full 可全部保留，代价是完整大小的缓存。</translation>
    </message>
    <message>
        <source>Share of each device, like 3,1; by default in proportion to free memory.</source>
        <translation>各设备的份额，如 3,1；默认按空闲内存比例。</translation>
    </message>
    <message>
        <source>Shares are proportions such as 3,1; 0 leaves a device out.</source>
        <translation>份额是比例，如 3,1；0 表示不用该设备。</translation>
    </message>
    <message>
        <source>Something ended it from outside; when memory is short, the system does that by itself.</source>
        <translation>它被外部终止；内存不足时，系统会自行这样做。</translation>
    </message>
    <message>
        <source>Something unexpected happened in the window.</source>
        <translation>窗口中发生了意外错误。</translation>
    </message>
    <message>
        <source>Something went wrong inside KV Desk.</source>
        <translation>KV Desk 内部出错。</translation>
    </message>
    <message>
        <source>Something went wrong inside the engine: {error}</source>
        <translation>引擎内部出错：{error}</translation>
    </message>
    <message>
        <source>Split mode</source>
        <translation>切分模式</translation>
    </message>
    <message>
        <source>Split mode tensor needs flash attention.</source>
        <translation>张量切分模式需要 Flash Attention。</translation>
    </message>
    <message>
        <source>Splitting by rows is not supported by these devices in this release.</source>
        <translation>此版本中这些设备不支持按行切分。</translation>
    </message>
    <message>
        <source>Splitting by tensors is not supported for {architecture} models.</source>
        <translation>{architecture} 模型不支持按张量切分。</translation>
    </message>
    <message>
        <source>Splitting by tensors needs a GPU.</source>
        <translation>按张量切分需要 GPU。</translation>
    </message>
    <message>
        <source>Splitting by tensors needs flash attention, which is off.</source>
        <translation>按张量切分需要 Flash Attention，而它已关闭。</translation>
    </message>
    <message>
        <source> and </source>
        <translation> 和 </translation>
    </message>
    <message>
        <source>16 bits</source>
        <translation>16 位</translation>
    </message>
    <message>
        <source>A .kcpps file has keys such as contextsize and gpulayers.</source>
        <translation>.kcpps 文件含有 contextsize、gpulayers 等键。</translation>
    </message>
    <message>
        <source>A batch as long as the context keeps one.</source>
        <translation>批大小与上下文一样长时只保留一份。</translation>
    </message>
    <message>
        <source>A batch holds {count} contexts, and llama-perplexity keeps a cache for each.</source>
        <translation>一个批次装得下 {count} 个上下文，llama-perplexity 为每个都保留一份缓存。</translation>
    </message>
    <message>
        <source>A file that the engine was reading was cut short, or its disk is gone ({ending}).</source>
        <translation>引擎正在读取的文件被截断，或其所在磁盘已不在（{ending}）。</translation>
    </message>
    <message>
        <source>A word of this launch has more than {count} characters.</source>
        <translation>这条启动命令中有一个词超过 {count} 个字符。</translation>
    </message>
    <message>
        <source>After an edit of the conversation {program} reads this model&apos;s whole prompt again.</source>
        <translation>编辑对话后，{program} 会重新读取该模型的整个提示词。</translation>
    </message>
    <message>
        <source>All of them are written.</source>
        <translation>这里写为全部。</translation>
    </message>
    <message>
        <source>Answers come at {now} tokens a second; at this depth it was {before}.</source>
        <translation>现在每秒生成 {now} 个 token；先前在这个深度是 {before} 个。</translation>
    </message>
    <message>
        <source>As the desktop</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Attach a part of it; a file may have {most}.</source>
        <translation>请附加其中一部分；单个文件最大 {most}。</translation>
    </message>
    <message>
        <source>Attach plain text; save other text as UTF-8.</source>
        <translation>请附加纯文本；其他编码的文本请另存为 UTF-8。</translation>
    </message>
    <message>
        <source>Check the model&apos;s file, then load it again; the chat is kept.</source>
        <translation>请检查模型文件，然后重新加载；对话已保留。</translation>
    </message>
    <message>
        <source>Choose a file as it was exported.</source>
        <translation>请选择导出时的原文件。</translation>
    </message>
    <message>
        <source>Choose a file of conversations in JSON or Markdown.</source>
        <translation>请选择 JSON 或 Markdown 格式的对话文件。</translation>
    </message>
    <message>
        <source>Choose a file that you may read.</source>
        <translation>请选择您有权读取的文件。</translation>
    </message>
    <message>
        <source>Choose a smaller model or quantisation, or fewer GPU layers.</source>
        <translation>请选用更小的模型或量化，或减少 GPU 层数。</translation>
    </message>
    <message>
        <source>Choose an empty folder.</source>
        <translation>请选择一个空文件夹。</translation>
    </message>
    <message>
        <source>Choose flash attention on or auto.</source>
        <translation>请把 Flash Attention 设为 on 或 auto。</translation>
    </message>
    <message>
        <source>Choose on: a quantised V cache needs it, and without it the compute buffer is larger.</source>
        <translation>请选择 on：量化的 V 缓存需要它，没有它计算缓冲区更大。</translation>
    </message>
    <message>
        <source>Connect the disk that it is on. To begin with an empty one instead, delete {pointer}.</source>
        <translation>请连接它所在的磁盘。要改用空的数据文件夹，请删除 {pointer}。</translation>
    </message>
    <message>
        <source>Creative</source>
        <translation>创意</translation>
    </message>
    <message>
        <source>Default</source>
        <translation>默认</translation>
    </message>
    <message>
        <source>Deterministic</source>
        <translation>确定</translation>
    </message>
    <message>
        <source>Download the file first.</source>
        <translation>请先下载该文件。</translation>
    </message>
    <message>
        <source>Each gets the same whole number of tokens.</source>
        <translation>每个得到同样的整数个 token。</translation>
    </message>
    <message>
        <source>Earlier prompts are kept in host memory, by default up to 8 GiB (--cache-ram).</source>
        <translation>先前的提示词会保留在主机内存中，默认最多 8 GiB（--cache-ram）。</translation>
    </message>
    <message>
        <source>Export it again.</source>
        <translation>请重新导出。</translation>
    </message>
    <message>
        <source>It does there what it does by itself, and may take other memory.</source>
        <translation>在那里它按自己的方式运行，内存用量可能不同。</translation>
    </message>
    <message>
        <source>It has {names}.</source>
        <translation>其中有 {names}。</translation>
    </message>
    <message>
        <source>It is where it was. Check that the folder may be written and that its disk has room.</source>
        <translation>数据仍在原处。请检查文件夹是否可写、磁盘是否有空间。</translation>
    </message>
    <message>
        <source>It reads its own JSON and Markdown, and JSON of LM Studio, Open WebUI and ShareGPT.</source>
        <translation>可读取 KV Desk 自己的 JSON 和 Markdown，以及 LM Studio、Open WebUI 和 ShareGPT 的 JSON。</translation>
    </message>
    <message>
        <source>It takes f16, half the memory.</source>
        <translation>它改用 f16，内存为一半。</translation>
    </message>
    <message>
        <source>It would be read as a macro or a new line; rename the file or rewrite the pattern.</source>
        <translation>它会被当作宏或换行；请重命名文件或改写模式。</translation>
    </message>
    <message>
        <source>Its compute buffer is larger than the plan&apos;s; --n-outputs-max 0 plans it.</source>
        <translation>其计算缓冲区比规划的大；--n-outputs-max 0 可按此规划。</translation>
    </message>
    <message>
        <source>Its macros name each other.</source>
        <translation>其中的宏互相引用。</translation>
    </message>
    <message>
        <source>Its weights take other memory; write your folder for {placeholder}.</source>
        <translation>其权重占用的内存不同；请把 {placeholder} 换成您的文件夹。</translation>
    </message>
    <message>
        <source>K cache</source>
        <translation>K 缓存</translation>
    </message>
    <message>
        <source>KoboldCpp quantises both caches with flash attention alone, so it is on.</source>
        <translation>KoboldCpp 只有在 Flash Attention 开启时才量化两个缓存，因此已开启。</translation>
    </message>
    <message>
        <source>KoboldCpp takes batches of {sizes} tokens.</source>
        <translation>KoboldCpp 接受的批大小为 {sizes} 个 token。</translation>
    </message>
    <message>
        <source>KoboldCpp takes contexts of {least:,} to {most:,} tokens.</source>
        <translation>KoboldCpp 只接受 {least:,} 到 {most:,} 个 token 的上下文。</translation>
    </message>
    <message>
        <source>LM Studio counts GPU layers as a part of all, and here their number is not known.</source>
        <translation>LM Studio 把 GPU 层数写成占全部的比例，而这里不知道总层数。</translation>
    </message>
    <message>
        <source>LM Studio has flash attention on or off.</source>
        <translation>LM Studio 的 Flash Attention 只有开或关。</translation>
    </message>
    <message>
        <source>LM Studio has no bf16 cache.</source>
        <translation>LM Studio 没有 bf16 缓存。</translation>
    </message>
    <message>
        <source>LM Studio reads this file from its own folder, by the model&apos;s name there.</source>
        <translation>LM Studio 从自己的文件夹按模型名读取此文件。</translation>
    </message>
    <message>
        <source>Language of the window.</source>
        <translation>窗口的语言。</translation>
    </message>
    <message>
        <source>Larger contexts that fit are being looked for.</source>
        <translation>正在查找放得下的更大上下文。</translation>
    </message>
    <message>
        <source>Light, dark, or white on black with strong colours.</source>
        <translation>浅色、深色，或黑底白字的强烈色彩。</translation>
    </message>
    <message>
        <source>Load it without the RPC server {server} and go on.</source>
        <translation>不用 RPC 服务器 {server} 加载并继续</translation>
    </message>
    <message>
        <source>Loaded in {time}.</source>
        <translation>加载完成，用时 {time}。</translation>
    </message>
    <message>
        <source>Machine and model</source>
        <translation>机器与模型</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>More memory is asked of a device than it has free, so each token waits for the host.</source>
        <translation>向设备要求的内存超过其空闲内存，因此每个 token 都要等待主机。</translation>
    </message>
    <message>
        <source>Never</source>
        <translation>从不</translation>
    </message>
    <message>
        <source>No launch of llama.cpp’s family was recognised.</source>
        <translation>没有识别出 llama.cpp 系列程序的启动命令。</translation>
    </message>
    <message>
        <source>Nothing of the placement and of the compute buffers is carried over.</source>
        <translation>层的放置和计算缓冲区都不会带过去。</translation>
    </message>
    <message>
        <source>Of the whole window, against the desktop’s; Ctrl++ and Ctrl+- change it, too.</source>
        <translation>整个窗口的文字相对于系统桌面文字的大小；也可用 Ctrl++ 和 Ctrl+- 更改。</translation>
    </message>
    <message>
        <source>Offer it</source>
        <translation>提出建议</translation>
    </message>
    <message>
        <source>Ollama has one cache type for K and V, and it holds for every model.</source>
        <translation>Ollama 的 K 和 V 只有一种缓存类型，并且对所有模型生效。</translation>
    </message>
    <message>
        <source>On is written.</source>
        <translation>这里写为“开”。</translation>
    </message>
    <message>
        <source>Options</source>
        <translation>选项</translation>
    </message>
    <message>
        <source>Paste a command such as “llama-server -m model.gguf -c 8192”, or a file of a known form.</source>
        <translation>请粘贴类似“llama-server -m model.gguf -c 8192”的命令，或已知格式的文件。</translation>
    </message>
    <message>
        <source>Paste a launch command or a file.</source>
        <translation>请粘贴启动命令或文件。</translation>
    </message>
    <message>
        <source>Paste a launch command, or a file that holds one.</source>
        <translation>请粘贴启动命令，或含有启动命令的文件。</translation>
    </message>
    <message>
        <source>Paste the command alone, without prompts or grammars.</source>
        <translation>请只粘贴命令，不带提示词或语法。</translation>
    </message>
    <message>
        <source>Paste the command alone.</source>
        <translation>请只粘贴命令。</translation>
    </message>
    <message>
        <source>Paste the whole file, with its ExecStart line.</source>
        <translation>请粘贴整个文件，包括 ExecStart 行。</translation>
    </message>
    <message>
        <source>Paste the whole file, with its indentation.</source>
        <translation>请粘贴整个文件，保留缩进。</translation>
    </message>
    <message>
        <source>Paste the whole file.</source>
        <translation>请粘贴整个文件。</translation>
    </message>
    <message>
        <source>Precise</source>
        <translation>精确</translation>
    </message>
    <message>
        <source>Save it as {path}, with the names of your model.</source>
        <translation>请另存为 {path}，并换成您模型的名称。</translation>
    </message>
    <message>
        <source>Set OLLAMA_KV_CACHE_TYPE where `ollama serve` is started.</source>
        <translation>请在启动 `ollama serve` 的地方设置 OLLAMA_KV_CACHE_TYPE。</translation>
    </message>
    <message>
        <source>Something else may be using the device, or the memory no longer fits.</source>
        <translation>可能有其他程序在使用设备，或者内存已放不下。</translation>
    </message>
    <message>
        <source>Start it again, then load again; the chat is kept.</source>
        <translation>请重新启动它，然后重新加载；对话已保留。</translation>
    </message>
    <message>
        <source>Start it there (rpc-server -p PORT) and check that the port can be reached.</source>
        <translation>请在那里启动它（rpc-server -p PORT），并检查端口可达。</translation>
    </message>
    <message>
        <source>Stay within {trained}, or stretch it with --rope-scaling yarn --rope-scale {factor:.3g} --yarn-orig-ctx {count}.</source>
        <translation>请不要超过 {trained}，或用 --rope-scaling yarn --rope-scale {factor:.3g} --yarn-orig-ctx {count} 拉长。</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stop, let the oldest messages fall out, or ask each time; each chat can have its own.</source>
        <translation>停止、移出最早的消息，或每次询问；每个对话可以单独设置。</translation>
    </message>
    <message>
        <source>Subtracted for each time a token occurred.</source>
        <translation>按 token 出现的次数逐次减去。</translation>
    </message>
    <message>
        <source>Subtracted once for a token that occurred.</source>
        <translation>对出现过的 token 减一次。</translation>
    </message>
    <message>
        <source>System</source>
        <translation>系统</translation>
    </message>
    <message>
        <source>Take :server-cuda, :server-rocm or :server-vulkan and give the service your GPU.</source>
        <translation>请改用 :server-cuda、:server-rocm 或 :server-vulkan，并把 GPU 交给该服务。</translation>
    </message>
    <message>
        <source>Take a larger context.</source>
        <translation>请使用更大的上下文。</translation>
    </message>
    <message>
        <source>Take at least {least}.</source>
        <translation>请至少设为 {least}。</translation>
    </message>
    <message>
        <source>Take at most {most}.</source>
        <translation>请最多设为 {most}。</translation>
    </message>
    <message>
        <source>Take f16, bf16 or f32 for it, or turn flash attention off for K.</source>
        <translation>请改用 f16、bf16 或 f32；若是 K，也可关闭 Flash Attention。</translation>
    </message>
    <message>
        <source>Take f16, bf16 or f32 for {side}.</source>
        <translation>{side} 请改用 f16、bf16 或 f32。</translation>
    </message>
    <message>
        <source>Take f16, or keep conversations within the context.</source>
        <translation>请改用 f16，或让对话不超出上下文。</translation>
    </message>
    <message>
        <source>Take split mode layer, or none for one device.</source>
        <translation>请改用切分模式 layer，单设备则用 none。</translation>
    </message>
    <message>
        <source>Take split mode layer.</source>
        <translation>请改用切分模式 layer。</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Tensor overrides</source>
        <translation>张量覆盖</translation>
    </message>
    <message>
        <source>Tensor split</source>
        <translation>张量切分比例</translation>
    </message>
    <message>
        <source>Text size</source>
        <translation>文字大小</translation>
    </message>
    <message>
        <source>That conversation is no longer there.</source>
        <translation>该对话已不存在。</translation>
    </message>
    <message>
        <source>The K and V caches grow in proportion to it.</source>
        <translation>K 和 V 缓存与它成正比增长。</translation>
    </message>
    <message>
        <source>The NVIDIA driver no longer answers.</source>
        <translation>NVIDIA 驱动不再响应。</translation>
    </message>
    <message>
        <source>The RPC server {endpoint} does not answer.</source>
        <translation>RPC 服务器 {endpoint} 没有回应。</translation>
    </message>
    <message>
        <source>The RPC server {server} is gone: it ended, or it cannot be reached.</source>
        <translation>RPC 服务器 {server} 已断开：它已退出，或无法连接。</translation>
    </message>
    <message>
        <source>The answer ends after {left} tokens.</source>
        <translation>回答在 {left} 个 token 之后结束。</translation>
    </message>
    <message>
        <source>The array “{key}” of “{name}” has {count:,} elements, more than any model needs.</source>
        <translation>“{name}”的数组“{key}”有 {count:,} 个元素，超过任何模型所需。</translation>
    </message>
    <message>
        <source>The cache can no longer be shifted, and going back reads again.</source>
        <translation>缓存不能再平移，回退时须重新读取。</translation>
    </message>
    <message>
        <source>The cache cannot be copied to “{folder}”: {reason}.</source>
        <translation>缓存无法复制到“{folder}”：{reason}。</translation>
    </message>
    <message>
        <source>The cache cannot be written to “{path}”: {reason}.</source>
        <translation>缓存无法写入“{path}”：{reason}。</translation>
    </message>
    <message>
        <source>The cache grows in blocks of 64 tokens.</source>
        <translation>缓存以 64 个 token 为一块增长。</translation>
    </message>
    <message>
        <source>The cache has no room for {n} more tokens.</source>
        <translation>缓存放不下另外 {n} 个 token。</translation>
    </message>
    <message>
        <source>The cache holds nothing of this conversation, so there is nothing to park.</source>
        <translation>缓存中没有这个对话的内容，没有可存放的。</translation>
    </message>
    <message>
        <source>The cache is laid out in a way that is not known: {reason}.</source>
        <translation>缓存的布局未知：{reason}。</translation>
    </message>
    <message>
        <source>The cache is read from host memory, slower the longer it gets.</source>
        <translation>缓存从主机内存读取，越长越慢。</translation>
    </message>
    <message>
        <source>The cache of {model} for {tokens} tokens, in every type</source>
        <translation>{model} 在 {tokens} 个 token 时各种类型的缓存</translation>
    </message>
    <message>
        <source>The cache takes other memory than planned.</source>
        <translation>缓存占用的内存与规划不同。</translation>
    </message>
    <message>
        <source>The command of this model is too long.</source>
        <translation>该模型的命令太长。</translation>
    </message>
    <message>
        <source>The compute buffer grows with it; sliding-window caches too.</source>
        <translation>计算缓冲区随它增大，滑动窗口缓存也是。</translation>
    </message>
    <message>
        <source>The compute buffer is smaller than planned.</source>
        <translation>计算缓冲区会比规划的小。</translation>
    </message>
    <message>
        <source>The context is not a multiple of the sequences.</source>
        <translation>上下文不是序列数的整数倍。</translation>
    </message>
    <message>
        <source>The context the model was trained for before YaRN; 0 takes the model&apos;s.</source>
        <translation>使用 YaRN 之前模型的训练上下文；0 取模型的值。</translation>
    </message>
    <message>
        <source>The conversation holds {held} tokens and the new context would have {context}.</source>
        <translation>对话有 {held} 个 token，而新的上下文只有 {context} 个。</translation>
    </message>
    <message>
        <source>The conversation is whole; it will be read again from the beginning.</source>
        <translation>对话完好；会从头重新读取。</translation>
    </message>
    <message>
        <source>The conversation is {prompt} tokens long and the context holds {context}.</source>
        <translation>对话长 {prompt} 个 token，而上下文只能容纳 {context} 个。</translation>
    </message>
    <message>
        <source>The conversations are not open.</source>
        <translation>对话库没有打开。</translation>
    </message>
    <message>
        <source>The conversations in {path} cannot be read or written: {reason}.</source>
        <translation>无法读写 {path} 中的对话：{reason}。</translation>
    </message>
    <message>
        <source>The conversations in {path} were written by a newer KV Desk.</source>
        <translation>{path} 中的对话由更新版本的 KV Desk 写入。</translation>
    </message>
    <message>
        <source>The damaged file is kept as {path}.</source>
        <translation>损坏的文件已保留为 {path}。</translation>
    </message>
    <message>
        <source>The damaged file is kept as {path}; “sqlite3 FILE .recover” may read most of it.</source>
        <translation>损坏的文件已保留为 {path}；“sqlite3 FILE .recover”或许能读出大部分内容。</translation>
    </message>
    <message>
        <source>The data could not be moved to {folder}: {reason}.</source>
        <translation>无法把数据移动到 {folder}：{reason}。</translation>
    </message>
    <message>
        <source>The data folder {folder} is not there.</source>
        <translation>数据文件夹 {folder} 不存在。</translation>
    </message>
    <message>
        <source>The defaults are used until you may read that file.</source>
        <translation>在能够读取该文件之前，使用默认值。</translation>
    </message>
    <message>
        <source>The devices to use, by llama.cpp&apos;s names, comma-separated; “none” for the CPU alone.</source>
        <translation>要使用的设备，用 llama.cpp 的名称，以逗号分隔；“none”表示只用 CPU。</translation>
    </message>
    <message>
        <source>The disk is full; the conversation could not be saved.</source>
        <translation>磁盘已满，对话未能保存。</translation>
    </message>
    <message>
        <source>The download probably did not finish; fetch the file again.</source>
        <translation>下载可能没有完成；请重新获取文件。</translation>
    </message>
    <message>
        <source>The endpoint cannot be opened at {host}:{port}: {reason}.</source>
        <translation>无法在 {host}:{port} 打开接口：{reason}。</translation>
    </message>
    <message>
        <source>The engine crashed ({ending}): {reason}</source>
        <translation>引擎崩溃（{ending}）：{reason}</translation>
    </message>
    <message>
        <source>The engine did not answer within {seconds:g} s.</source>
        <translation>引擎在 {seconds:g} 秒内没有回应。</translation>
    </message>
    <message>
        <source>The engine did not start: {reason}</source>
        <translation>引擎没有启动：{reason}</translation>
    </message>
    <message>
        <source>The engine did not understand a command: {reason}</source>
        <translation>引擎没有理解命令：{reason}</translation>
    </message>
    <message>
        <source>The engine gave no answer.</source>
        <translation>引擎没有给出回答。</translation>
    </message>
    <message>
        <source>The engine gave no tokens.</source>
        <translation>引擎没有给出 token。</translation>
    </message>
    <message>
        <source>The engine has no answer to {name}.</source>
        <translation>引擎无法回应 {name}。</translation>
    </message>
    <message>
        <source>The engine has stopped working: it says nothing and uses no processor time.</source>
        <translation>引擎已停止工作：没有任何消息，也不占用处理器时间。</translation>
    </message>
    <message>
        <source>The engine is busy or has no model.</source>
        <translation>引擎正忙，或没有加载模型。</translation>
    </message>
    <message>
        <source>The engine stopped answering and was ended.</source>
        <translation>引擎停止响应，已被结束。</translation>
    </message>
    <message>
        <source>The engine was ended from outside ({ending}).</source>
        <translation>引擎被外部终止（{ending}）。</translation>
    </message>
    <message>
        <source>The engine was ended.</source>
        <translation>引擎已被结束。</translation>
    </message>
    <message>
        <source>The engine was killed (SIGKILL).</source>
        <translation>引擎被强制终止（SIGKILL）。</translation>
    </message>
    <message>
        <source>The engine&apos;s own memory ran out.</source>
        <translation>引擎自身内存耗尽。</translation>
    </message>
    <message>
        <source>The experts of {count} of {all} layers run on the CPU, which is slower.</source>
        <translation>{all} 层中有 {count} 层的专家在 CPU 上运行，速度较慢。</translation>
    </message>
    <message>
        <source>The file changed since its header was read: the array at byte {offset:,} is another one.</source>
        <translation>读取文件头之后文件已改变：第 {offset:,} 字节处的数组已不同。</translation>
    </message>
    <message>
        <source>The file has no number “{key}”, which llama.cpp needs.</source>
        <translation>文件缺少 llama.cpp 所需的数值“{key}”。</translation>
    </message>
    <message>
        <source>The file is incomplete or of another version; download it again.</source>
        <translation>文件不完整或版本不同；请重新下载。</translation>
    </message>
    <message>
        <source>The file of conversations is damaged.</source>
        <translation>对话文件已损坏。</translation>
    </message>
    <message>
        <source>The file of conversations was damaged and a new one was started.</source>
        <translation>对话文件已损坏，已新建一个。</translation>
    </message>
    <message>
        <source>The file of your presets was damaged; there are only the built-in ones.</source>
        <translation>您的预设文件已损坏；现在只有内置预设。</translation>
    </message>
    <message>
        <source>The folder for parked chats cannot be made: {reason}.</source>
        <translation>无法创建存放对话的文件夹：{reason}。</translation>
    </message>
    <message>
        <source>The graphics driver keeps {size} of the model in the host’s memory.</source>
        <translation>显卡驱动把模型的 {size} 放在了主机内存中。</translation>
    </message>
    <message>
        <source>The header of “{url}” is larger than {limit} MiB.</source>
        <translation>“{url}”的文件头超过 {limit} MiB。</translation>
    </message>
    <message>
        <source>The history could not be written to {path}: {reason}.</source>
        <translation>无法将历史写入 {path}：{reason}。</translation>
    </message>
    <message>
        <source>The inverse of the RoPE scale; 0 takes the model&apos;s.</source>
        <translation>RoPE 缩放的倒数；0 取模型的值。</translation>
    </message>
    <message>
        <source>The largest context that fits with this pair is {tokens} tokens.</source>
        <translation>用这对缓存类型，放得下的最大上下文为 {tokens} 个 token。</translation>
    </message>
    <message>
        <source>The largest value is {limit}.</source>
        <translation>最大值为 {limit}。</translation>
    </message>
    <message>
        <source>The last 128 tokens stay in 16 bits; every step unpacks a whole layer.</source>
        <translation>最后 128 个 token 保持 16 位；每一步都会解包整层。</translation>
    </message>
    <message>
        <source>The ledger of loads cannot be cleared: {reason}.</source>
        <translation>无法清除加载记录：{reason}。</translation>
    </message>
    <message>
        <source>The ledger of loads cannot be read: {reason}.</source>
        <translation>无法读取加载记录：{reason}。</translation>
    </message>
    <message>
        <source>The lens shows what a token takes there.</source>
        <translation>“每个 token 占用多少”一页会显示那里每个 token 的占用。</translation>
    </message>
    <message>
        <source>The likeliest tokens that together have this probability.</source>
        <translation>取合计达到此概率的最可能 token。</translation>
    </message>
    <message>
        <source>The load could not be written down: {reason}.</source>
        <translation>无法记下此次加载：{reason}。</translation>
    </message>
    <message>
        <source>The load was called off.</source>
        <translation>加载已取消。</translation>
    </message>
    <message>
        <source>The model may ask for a licence to be accepted; download it with your account first.</source>
        <translation>该模型可能要求先接受许可；请先用您的账号下载。</translation>
    </message>
    <message>
        <source>The model&apos;s chat template cannot be read: {reason}.</source>
        <translation>无法读取模型的对话模板：{reason}。</translation>
    </message>
    <message>
        <source>The model&apos;s chat template failed: {reason}.</source>
        <translation>模型的对话模板执行失败：{reason}。</translation>
    </message>
    <message>
        <source>The model&apos;s chat template refuses this conversation: {reason}.</source>
        <translation>模型的对话模板拒绝此对话：{reason}。</translation>
    </message>
    <message>
        <source>The nearest is written.</source>
        <translation>这里写为最接近的值。</translation>
    </message>
    <message>
        <source>The new cache predicts something else (divergence {found:.2g}; up to {most:.2g} is usual), so the old one was kept.</source>
        <translation>新缓存的预测不同（散度 {found:.2g}；通常不超过 {most:.2g}），因此保留了旧缓存。</translation>
    </message>
    <message>
        <source>The next smaller one is written.</source>
        <translation>这里写为较小的最接近值。</translation>
    </message>
    <message>
        <source>The one GPU to use with split mode none.</source>
        <translation>切分模式为 none 时使用的 GPU。</translation>
    </message>
    <message>
        <source>The override “{item}” has a comma, where llama.cpp splits its list.</source>
        <translation>覆盖“{item}”中有逗号，llama.cpp 会在那里切分列表。</translation>
    </message>
    <message>
        <source>The parked cache holds {held} tokens and the context {context}.</source>
        <translation>存放的缓存有 {held} 个 token，而上下文只有 {context} 个。</translation>
    </message>
    <message>
        <source>The parked cache is of other types than the context, and cannot be converted: {why}.</source>
        <translation>存放的缓存与上下文类型不同，且无法转换：{why}。</translation>
    </message>
    <message>
        <source>The parked cache predicts something else than when it was made (divergence {found:.2g}; up to {most:.2g} is usual), so it was not taken.</source>
        <translation>存放的缓存与当初的预测不同（散度 {found:.2g}；通常不超过 {most:.2g}），因此未采用。</translation>
    </message>
    <message>
        <source>The parked cache was made with another {names}.</source>
        <translation>存放的缓存生成时使用的{names}不同。</translation>
    </message>
    <message>
        <source>The parked cache “{path}” cannot be read: {reason}.</source>
        <translation>无法读取存放的缓存“{path}”：{reason}。</translation>
    </message>
    <message>
        <source>The parked cache “{path}” is damaged.</source>
        <translation>存放的缓存“{path}”已损坏。</translation>
    </message>
    <message>
        <source>The plain image computes on the processor.</source>
        <translation>普通镜像在处理器上计算。</translation>
    </message>
    <message>
        <source>The presets could not be saved: {reason}.</source>
        <translation>预设无法保存：{reason}。</translation>
    </message>
    <message>
        <source>The recurrent state takes {needed}, and {device} has {free} free.</source>
        <translation>循环状态需要 {needed}，而 {device} 空闲 {free}。</translation>
    </message>
    <message>
        <source>The report could not be written to {path}: {reason}.</source>
        <translation>报告无法写入 {path}：{reason}。</translation>
    </message>
    <message>
        <source>The request is not a JSON object: {reason}.</source>
        <translation>请求不是 JSON 对象：{reason}。</translation>
    </message>
    <message>
        <source>The request is too long.</source>
        <translation>请求太长。</translation>
    </message>
    <message>
        <source>The run</source>
        <translation>运行过程</translation>
    </message>
    <message>
        <source>The same seed gives the same answer; -1 takes a new one each time.</source>
        <translation>相同种子得到相同回答；-1 每次取新的。</translation>
    </message>
    <message>
        <source>The server of “{url}” answered with the error {code}.</source>
        <translation>“{url}”的服务器返回错误 {code}。</translation>
    </message>
    <message>
        <source>The server of “{url}” cannot send a part of a file.</source>
        <translation>“{url}”的服务器不支持只发送文件的一部分。</translation>
    </message>
    <message>
        <source>The server of “{url}” sends its file in too small pieces.</source>
        <translation>“{url}”的服务器每次发送的数据太少。</translation>
    </message>
    <message>
        <source>The server refuses “{url}” ({code}).</source>
        <translation>服务器拒绝访问“{url}”（{code}）。</translation>
    </message>
    <message>
        <source>The settings could not be saved: {reason}.</source>
        <translation>无法保存设置：{reason}。</translation>
    </message>
    <message>
        <source>The settings file was damaged; the defaults are used.</source>
        <translation>设置文件已损坏，改用默认值。</translation>
    </message>
    <message>
        <source>The settings in {path} cannot be read: {reason}.</source>
        <translation>无法读取 {path} 中的设置：{reason}。</translation>
    </message>
    <message>
        <source>The smallest value is {limit}.</source>
        <translation>最小值为 {limit}。</translation>
    </message>
    <message>
        <source>The table could not be written: {reason}.</source>
        <translation>无法写出表格：{reason}。</translation>
    </message>
    <message>
        <source>The template is part of the model file; another conversion of this model may carry a working one.</source>
        <translation>模板是模型文件的一部分；此模型的其他转换版本也许带有可用的模板。</translation>
    </message>
    <message>
        <source>The whole trained context fits</source>
        <translation>完整的训练上下文放得下</translation>
    </message>
    <message>
        <source>The {count} files of “{name}” do not belong together: they hold {found:,} tensors of {due}.</source>
        <translation>“{name}”的 {count} 个文件不是一套：共有 {found:,} 个张量，应为 {due} 个。</translation>
    </message>
    <message>
        <source>Their defaults are used; correct them in {path}.</source>
        <translation>这些设置改用默认值；请在 {path} 中更正。</translation>
    </message>
    <message>
        <source>Their values are wrong, or a built-in preset has that name; correct them in {path}.</source>
        <translation>它们的值有误，或与内置预设重名；请在 {path} 中改正。</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>主题</translation>
    </message>
    <message>
        <source>There are only the built-in ones until you may read that file.</source>
        <translation>在能够读取该文件之前，只有内置预设。</translation>
    </message>
    <message>
        <source>There is no answer until the conversation is shorter.</source>
        <translation>对话缩短之前得不到回答。</translation>
    </message>
    <message>
        <source>There is no buffer “{buffer}”.</source>
        <translation>没有缓冲区“{buffer}”。</translation>
    </message>
    <message>
        <source>There is no device {number}.</source>
        <translation>没有编号为 {number} 的设备。</translation>
    </message>
    <message>
        <source>There is no device “{name}”.</source>
        <translation>没有设备“{name}”。</translation>
    </message>
    <message>
        <source>There is no export target “{name}”.</source>
        <translation>没有导出目标“{name}”。</translation>
    </message>
    <message>
        <source>There is no file “{name}”.</source>
        <translation>没有文件“{name}”。</translation>
    </message>
    <message>
        <source>There is no memory left to convert the cache in.</source>
        <translation>没有剩余内存可用来转换缓存。</translation>
    </message>
    <message>
        <source>There is no “{url}” on the server ({code}).</source>
        <translation>服务器上没有“{url}”（{code}）。</translation>
    </message>
    <message>
        <source>There is nothing to answer yet.</source>
        <translation>还没有可回答的内容。</translation>
    </message>
    <message>
        <source>There is nothing to read.</source>
        <translation>没有可读的内容。</translation>
    </message>
    <message>
        <source>There is nothing to summarise.</source>
        <translation>没有可以写成摘要的内容。</translation>
    </message>
    <message>
        <source>These presets cannot be used: {names}.</source>
        <translation>这些预设无法使用：{names}。</translation>
    </message>
    <message>
        <source>These settings have values that cannot be used: {names}.</source>
        <translation>以下设置的值无法使用：{names}。</translation>
    </message>
    <message>
        <source>This JSON is no launch file that is known here.</source>
        <translation>这个 JSON 不是已知的启动文件。</translation>
    </message>
    <message>
        <source>This build of llama.cpp has no RPC.</source>
        <translation>此版本的 llama.cpp 不支持 RPC。</translation>
    </message>
    <message>
        <source>This chat is read again: {why}</source>
        <translation>此对话需要重新读取：{why}</translation>
    </message>
    <message>
        <source>This chat&apos;s cache came back from disk in {seconds}; reading it again would take {spared}.</source>
        <translation>此对话的缓存已从磁盘取回，用时 {seconds}；重新读取需要 {spared}。</translation>
    </message>
    <message>
        <source>This file has no model in it.</source>
        <translation>这个文件里没有模型。</translation>
    </message>
    <message>
        <source>This file has no “{name}”.</source>
        <translation>这个文件里没有“{name}”。</translation>
    </message>
    <message>
        <source>This is no text.</source>
        <translation>这不是文本。</translation>
    </message>
    <message>
        <source>This is too long for a launch: {count} characters.</source>
        <translation>作为启动命令太长：{count} 个字符。</translation>
    </message>
    <message>
        <source>This llama.cpp does not know the architecture “{architecture}”.</source>
        <translation>此 llama.cpp 不认识架构“{architecture}”。</translation>
    </message>
    <message>
        <source>This looks like YAML, but it cannot be read (line {line}).</source>
        <translation>这看起来是 YAML，但无法读取（第 {line} 行）。</translation>
    </message>
    <message>
        <source>This looks like a KoboldCpp file, but it is not JSON.</source>
        <translation>这看起来是 KoboldCpp 文件，但不是 JSON。</translation>
    </message>
    <message>
        <source>This looks like a preset, but it cannot be read.</source>
        <translation>这看起来是预设，但无法读取。</translation>
    </message>
    <message>
        <source>This model can serve several sequences only from one common cache.</source>
        <translation>该模型只能用一个共用的缓存同时处理多个序列。</translation>
    </message>
    <message>
        <source>This model keeps K and V in one latent row: {k} and {v} cannot differ.</source>
        <translation>此模型把 K 和 V 存在同一潜在向量行中：{k} 与 {v} 必须相同。</translation>
    </message>
    <message>
        <source>This model keeps no cache, so there is nothing to fill.</source>
        <translation>此模型没有缓存，因此没有可填充的内容。</translation>
    </message>
    <message>
        <source>This model keeps one compressed row instead of K and V heads; the engine stores it its own way.</source>
        <translation>此模型保存一行压缩数据而非 K、V 头；该引擎以自己的方式存储。</translation>
    </message>
    <message>
        <source>This model needs the same type for K and V.</source>
        <translation>此模型要求 K 与 V 类型相同。</translation>
    </message>
    <message>
        <source>This needs {needed} on {device}, and there are {limit}.</source>
        <translation>{device} 上需要 {needed}，而只有 {limit}。</translation>
    </message>
    <message>
        <source>This unit starts nothing.</source>
        <translation>这个单元没有启动任何程序。</translation>
    </message>
    <message>
        <source>This “docker run” names no image.</source>
        <translation>这条“docker run”没有指明镜像。</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>线程数</translation>
    </message>
    <message>
        <source>Threads for the prompt</source>
        <translation>提示词线程数</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Tokens above this probability may be left out.</source>
        <translation>高于此概率的 token 可能被排除。</translation>
    </message>
    <message>
        <source>Tokens evaluated at once while reading the prompt.</source>
        <translation>读入提示词时一次计算的 token 数。</translation>
    </message>
    <message>
        <source>Tokens handed to llama.cpp in one call.</source>
        <translation>一次调用交给 llama.cpp 的 token 数。</translation>
    </message>
    <message>
        <source>Tokens of a ubatch whose logits are kept; by default one a sequence, as llama-server does; 0 takes llama.cpp&apos;s own default, the whole batch.</source>
        <translation>一个 ubatch 中保留 logits 的 token 数；默认每个序列一个，与 llama-server 相同；0 取 llama.cpp 自身的默认值，即整个批次。</translation>
    </message>
    <message>
        <source>Tokens of context; 0 takes the length the model was trained for.</source>
        <translation>上下文 token 数；0 取模型的训练长度。</translation>
    </message>
    <message>
        <source>Tokens; -1 until the model ends or the context is full.</source>
        <translation>token 数；-1 表示直到模型结束或上下文已满。</translation>
    </message>
    <message>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Try again.</source>
        <translation>请重试。</translation>
    </message>
    <message>
        <source>Turn flash attention on (-fa on), or take V as f16.</source>
        <translation>打开 Flash Attention（-fa on），或让 V 使用 f16。</translation>
    </message>
    <message>
        <source>Turn flash attention on (-fa on).</source>
        <translation>请打开 Flash Attention（-fa on）。</translation>
    </message>
    <message>
        <source>Turn flash attention on or to auto, or keep V as f16.</source>
        <translation>请将 Flash Attention 设为 on 或 auto，或让 V 保持 f16。</translation>
    </message>
    <message>
        <source>Turn flash attention on or to auto.</source>
        <translation>请将 Flash Attention 设为 on 或 auto。</translation>
    </message>
    <message>
        <source>Turn the unified cache on, or serve one sequence.</source>
        <translation>请打开统一缓存，或只处理一个序列。</translation>
    </message>
    <message>
        <source>Typical</source>
        <translation>Typical</translation>
    </message>
    <message>
        <source>Ubatch</source>
        <translation>Ubatch</translation>
    </message>
    <message>
        <source>Unified cache</source>
        <translation>统一缓存</translation>
    </message>
    <message>
        <source>Unpack it first.</source>
        <translation>请先解压。</translation>
    </message>
    <message>
        <source>Update KV Desk to open them; nothing was changed.</source>
        <translation>请更新 KV Desk 以打开它们；未作任何更改。</translation>
    </message>
    <message>
        <source>Update KV Desk to read it.</source>
        <translation>请更新 KV Desk 后再读取。</translation>
    </message>
    <message>
        <source>Update the program: its next release may bring a llama.cpp that does.</source>
        <translation>请更新程序：下一版可能带有支持它的 llama.cpp。</translation>
    </message>
    <message>
        <source>Use the address of the file itself (on Hugging Face: “resolve” instead of “blob”).</source>
        <translation>请使用文件本身的地址（在 Hugging Face 上用“resolve”代替“blob”）。</translation>
    </message>
    <message>
        <source>V</source>
        <translation>V</translation>
    </message>
    <message>
        <source>V as {type} needs flash attention, which is off.</source>
        <translation>V 用 {type} 需要 Flash Attention，而它已关闭。</translation>
    </message>
    <message>
        <source>V as {type} needs flash attention, which this architecture cannot use.</source>
        <translation>V 用 {type} 需要 Flash Attention，而此架构无法使用。</translation>
    </message>
    <message>
        <source>V cache</source>
        <translation>V 缓存</translation>
    </message>
    <message>
        <source>V lies otherwise, or there are other layers</source>
        <translation>V 的排列不同，或层不同</translation>
    </message>
    <message>
        <source>V of every cache</source>
        <translation>所有缓存的 V</translation>
    </message>
    <message>
        <source>V of every cache, as printed</source>
        <translation>所有缓存的 V（按日志）</translation>
    </message>
    <message>
        <source>Wait, if another computer or a debugger holds it up; else end it. The chat is kept.</source>
        <translation>如果是另一台计算机或调试器使它暂停，请等待；否则请结束它。对话会保留。</translation>
    </message>
    <message>
        <source>Weights and cache are spread over them as over GPUs.</source>
        <translation>权重和缓存像分布到 GPU 一样分布到它们上面。</translation>
    </message>
    <message>
        <source>Weights on the host are staged through the GPU&apos;s compute buffer.</source>
        <translation>主机上的权重经 GPU 的计算缓冲区中转。</translation>
    </message>
    <message>
        <source>What each layer of {model} keeps for {tokens} tokens</source>
        <translation>{model} 的每一层为 {tokens} 个 token 保存的内容</translation>
    </message>
    <message>
        <source>What may be left out, without pinned messages and the last one, is not enough.</source>
        <translation>除去固定的消息和最后一条，可以移出的内容不够多。</translation>
    </message>
    <message>
        <source>What was measured could not be kept: {reason}.</source>
        <translation>测得的数据无法保存：{reason}。</translation>
    </message>
    <message>
        <source>When a chat nears the end of its context and memory allows: offer the next step, do it, or leave it.</source>
        <translation>对话接近上下文末尾而内存允许时：提议下一步、直接执行，或不处理。</translation>
    </message>
    <message>
        <source>When the context is full</source>
        <translation>上下文已满时</translation>
    </message>
    <message>
        <source>Where the memory of {model} is, by device</source>
        <translation>{model} 的内存按设备分布</translation>
    </message>
    <message>
        <source>Window layers are counted in full.</source>
        <translation>窗口层按完整长度计算。</translation>
    </message>
    <message>
        <source>Window layers keep only {cells} cells: the context cannot be shifted, and going back further reads the conversation again.</source>
        <translation>窗口层只保留 {cells} 个单元：上下文不能平移，回退更远时须重新读取对话。</translation>
    </message>
    <message>
        <source>Window layers then cost as much as full ones.</source>
        <translation>此时窗口层与完整层占用相同。</translation>
    </message>
    <message>
        <source>Without --fit off llama-server may lower the context or move layers to the CPU.</source>
        <translation>没有 --fit off 时，llama-server 可能会减小上下文或把层移到 CPU。</translation>
    </message>
    <message>
        <source>Without --gpulayers KoboldCpp chooses how many layers the GPU takes.</source>
        <translation>没有 --gpulayers 时，由 KoboldCpp 决定 GPU 承担多少层。</translation>
    </message>
    <message>
        <source>Without --n_gpu_layers llama-cpp-python keeps every layer on the CPU.</source>
        <translation>没有 --n_gpu_layers 时，llama-cpp-python 把所有层留在 CPU 上。</translation>
    </message>
    <message>
        <source>Without --parallel llama-server takes 4 slots with one cache for all of them.</source>
        <translation>没有 --parallel 时，llama-server 使用 4 个槽位，共用一个缓存。</translation>
    </message>
    <message>
        <source>Without flash attention Ollama keeps the cache at f16.</source>
        <translation>没有 Flash Attention 时，Ollama 的缓存保持 f16。</translation>
    </message>
    <message>
        <source>Without it the scores of a whole ubatch against the whole context are kept.</source>
        <translation>关闭时须保存整个 ubatch 对整个上下文的注意力分数。</translation>
    </message>
    <message>
        <source>Without num_ctx Ollama chooses the context by the GPU&apos;s memory; 4096 is assumed.</source>
        <translation>没有 num_ctx 时，Ollama 按 GPU 显存决定上下文；这里按 4096 计算。</translation>
    </message>
    <message>
        <source>Without num_gpu Ollama chooses how many layers the GPU takes.</source>
        <translation>没有 num_gpu 时，由 Ollama 决定 GPU 承担多少层。</translation>
    </message>
    <message>
        <source>Write PATTERN=BUFFER with one of these buffers: {names}.</source>
        <translation>请写成 PATTERN=BUFFER，缓冲区为其一：{names}。</translation>
    </message>
    <message>
        <source>Write PATTERN=BUFFER, for example “ffn_.*_exps=CPU”.</source>
        <translation>请写成 PATTERN=BUFFER，例如“ffn_.*_exps=CPU”。</translation>
    </message>
    <message>
        <source>Write PATTERN=BUFFER; buffers are {names}.</source>
        <translation>请写成 PATTERN=BUFFER；可用的缓冲区：{names}。</translation>
    </message>
    <message>
        <source>Write a message first.</source>
        <translation>请先写一条消息。</translation>
    </message>
    <message>
        <source>Write a number like 1.5.</source>
        <translation>请写数字，如 1.5。</translation>
    </message>
    <message>
        <source>Write a share of at most 100 %.</source>
        <translation>请写不超过 100 % 的比例。</translation>
    </message>
    <message>
        <source>Write a whole number like 8192 or 32k.</source>
        <translation>请写整数，如 8192 或 32k。</translation>
    </message>
    <message>
        <source>Write it as HOST:PORT.</source>
        <translation>请写成 HOST:PORT。</translation>
    </message>
    <message>
        <source>Write it like 6GiB, 6000MiB or 8589934592.</source>
        <translation>请写成 6GiB、6000MiB 或 8589934592 的形式。</translation>
    </message>
    <message>
        <source>Write it like 8192 or 32k.</source>
        <translation>请写成 8192 或 32k 的形式。</translation>
    </message>
    <message>
        <source>Write on or off.</source>
        <translation>请写 on 或 off。</translation>
    </message>
    <message>
        <source>Write one after it, or leave the flag out.</source>
        <translation>请在其后写上值，或去掉该参数。</translation>
    </message>
    <message>
        <source>Write one with --ctx-size, such as 512.</source>
        <translation>请用 --ctx-size 写一个，如 512。</translation>
    </message>
    <message>
        <source>Write the pattern without one: (a|b) instead of {{1,2}}.</source>
        <translation>请改写成没有逗号的模式：用 (a|b) 代替 {{1,2}}。</translation>
    </message>
    <message>
        <source>Write yours for {placeholder} in the model&apos;s path.</source>
        <translation>请在模型路径中把 {placeholder} 换成您的主目录。</translation>
    </message>
    <message>
        <source>Write “[name]” and “key = value” lines.</source>
        <translation>请写成“[名称]”和“键 = 值”的行。</translation>
    </message>
    <message>
        <source>XTC probability</source>
        <translation>XTC 概率</translation>
    </message>
    <message>
        <source>XTC threshold</source>
        <translation>XTC 阈值</translation>
    </message>
    <message>
        <source>YaRN attention</source>
        <translation>YaRN 注意力幅度</translation>
    </message>
    <message>
        <source>YaRN beta fast</source>
        <translation>YaRN beta fast</translation>
    </message>
    <message>
        <source>YaRN beta slow</source>
        <translation>YaRN beta slow</translation>
    </message>
    <message>
        <source>YaRN extrapolation</source>
        <translation>YaRN 外推</translation>
    </message>
    <message>
        <source>YaRN original context</source>
        <translation>YaRN 原始上下文</translation>
    </message>
    <message>
        <source>YaRN&apos;s attention magnitude; -1 takes the model&apos;s.</source>
        <translation>YaRN 的注意力幅度；-1 取模型的值。</translation>
    </message>
    <message>
        <source>YaRN&apos;s extrapolation mix; -1 takes the model&apos;s.</source>
        <translation>YaRN 的外推混合系数；-1 取模型的值。</translation>
    </message>
    <message>
        <source>YaRN&apos;s high correction dimension; -1 takes the model&apos;s.</source>
        <translation>YaRN 的高校正维度；-1 取模型的值。</translation>
    </message>
    <message>
        <source>YaRN&apos;s low correction dimension; -1 takes the model&apos;s.</source>
        <translation>YaRN 的低校正维度；-1 取模型的值。</translation>
    </message>
    <message>
        <source>Your conversations are safe. Copy the details into a report.</source>
        <translation>您的对话完好无损。请复制详情用于报告。</translation>
    </message>
    <message>
        <source>Your conversations are saved. Copy the details if you want to report it.</source>
        <translation>您的对话已保存。如要报告，请复制详情。</translation>
    </message>
    <message>
        <source>Your presets in {path} cannot be read: {reason}.</source>
        <translation>无法读取 {path} 中的预设：{reason}。</translation>
    </message>
    <message>
        <source>a Git LFS pointer</source>
        <translation>Git LFS 指针</translation>
    </message>
    <message>
        <source>a JSON text</source>
        <translation>JSON 文本</translation>
    </message>
    <message>
        <source>a LoRA adapter in the old GGML format</source>
        <translation>旧版 GGML 格式的 LoRA 适配器</translation>
    </message>
    <message>
        <source>a Python pickle</source>
        <translation>Python pickle 文件</translation>
    </message>
    <message>
        <source>a ZIP archive or PyTorch checkpoint</source>
        <translation>ZIP 压缩包或 PyTorch 检查点</translation>
    </message>
    <message>
        <source>a buffer</source>
        <translation>缓冲区</translation>
    </message>
    <message>
        <source>a context of {n} tokens</source>
        <translation>{n} 个 token 的上下文</translation>
    </message>
    <message>
        <source>a gzip archive</source>
        <translation>gzip 压缩包</translation>
    </message>
    <message>
        <source>a key</source>
        <translation>键名</translation>
    </message>
    <message>
        <source>a layer has another type</source>
        <translation>某层的类型不同</translation>
    </message>
    <message>
        <source>a layer has another width than the model&apos;s shape says</source>
        <translation>某层的宽度与模型的形状不符</translation>
    </message>
    <message>
        <source>a rotation or a block reaches over the end of a row</source>
        <translation>旋转或块越过了行尾</translation>
    </message>
    <message>
        <source>a safetensors file</source>
        <translation>safetensors 文件</translation>
    </message>
    <message>
        <source>a tensor&apos;s name</source>
        <translation>张量名</translation>
    </message>
    <message>
        <source>a ubatch of {n}</source>
        <translation>{n} 的 ubatch</translation>
    </message>
    <message>
        <source>a web page</source>
        <translation>网页</translation>
    </message>
    <message>
        <source>none but the CPU</source>
        <translation>除 CPU 外没有别的设备</translation>
    </message>
    <message>
        <source>简体中文</source>
        <translation>简体中文</translation>
    </message>
    <message>
        <source>an HDF5 file</source>
        <translation>HDF5 文件</translation>
    </message>
    <message>
        <source>an old GGML file</source>
        <translation>旧版 GGML 文件</translation>
    </message>
    <message>
        <source>an xz archive</source>
        <translation>xz 压缩包</translation>
    </message>
    <message>
        <source>attention</source>
        <translation>注意力</translation>
    </message>
    <message>
        <source>cells</source>
        <translation>单元</translation>
    </message>
    <message>
        <source>chat template</source>
        <translation>对话模板</translation>
    </message>
    <message>
        <source>compression</source>
        <translation>压缩</translation>
    </message>
    <message>
        <source>compute buffer</source>
        <translation>计算缓冲区</translation>
    </message>
    <message>
        <source>copies in f16 of the cache</source>
        <translation>缓存的 f16 副本</translation>
    </message>
    <message>
        <source>copies of the inputs</source>
        <translation>输入的副本</translation>
    </message>
    <message>
        <source>current limit</source>
        <translation>电流限制</translation>
    </message>
    <message>
        <source>decay within the batch</source>
        <translation>批次内的衰减</translation>
    </message>
    <message>
        <source>device context</source>
        <translation>设备上下文</translation>
    </message>
    <message>
        <source>engine</source>
        <translation>引擎</translation>
    </message>
    <message>
        <source>estimated</source>
        <translation>估算</translation>
    </message>
    <message>
        <source>experts</source>
        <translation>专家</translation>
    </message>
    <message>
        <source>f16, as large, is written.</source>
        <translation>这里写为同样大小的 f16。</translation>
    </message>
    <message>
        <source>feed-forward</source>
        <translation>前馈网络</translation>
    </message>
    <message>
        <source>full</source>
        <translation>完整</translation>
    </message>
    <message>
        <source>in all</source>
        <translation>合计</translation>
    </message>
    <message>
        <source>llama-cpp-python opens files, not addresses.</source>
        <translation>llama-cpp-python 打开文件，而不是网址。</translation>
    </message>
    <message>
        <source>llama-perplexity needs a context.</source>
        <translation>llama-perplexity 需要指定上下文。</translation>
    </message>
    <message>
        <source>llama-perplexity reads {count} chunks of {tokens} tokens at once, as many as fill a batch.</source>
        <translation>llama-perplexity 一次读取 {count} 段、每段 {tokens} 个 token，填满一个批次。</translation>
    </message>
    <message>
        <source>frees {less}</source>
        <translation>释放 {less}</translation>
    </message>
    <message>
        <source>Without flash attention KoboldCpp quantises the K cache alone.</source>
        <translation>不用 Flash Attention 时，KoboldCpp 只量化 K 缓存。</translation>
    </message>
    <message>
        <source>from {count} load on this device: what it took beyond the plan</source>
        <translation>根据此设备上的 {count} 次加载：超出规划的部分</translation>
    </message>
    <message>
        <source>from {count} loads on this device: what they took beyond the plan, at most</source>
        <translation>根据此设备上的 {count} 次加载：超出规划的最大值</translation>
    </message>
    <message>
        <source>graph in {buffer}</source>
        <translation>{buffer} 中的计算图</translation>
    </message>
    <message>
        <source>graph in {buffer}, as printed</source>
        <translation>{buffer} 中的计算图（按日志）</translation>
    </message>
    <message>
        <source>head {size}</source>
        <translation>头维度 {size}</translation>
    </message>
    <message>
        <source>held by the engine beyond all buffers, by the driver&apos;s own count: its context, kernels</source>
        <translation>按驱动程序的统计，引擎在所有缓冲区之外占用的部分：其上下文和内核</translation>
    </message>
    <message>
        <source>host:port of llama.cpp RPC servers, comma-separated; each one counts as a GPU.</source>
        <translation>llama.cpp RPC 服务器的 host:port，以逗号分隔；每个算作一个 GPU。</translation>
    </message>
    <message>
        <source>inputs</source>
        <translation>输入</translation>
    </message>
    <message>
        <source>inputs kept {count} times, so that batches overlap</source>
        <translation>输入保留 {count} 份，使各批次可以重叠执行</translation>
    </message>
    <message>
        <source>it begins otherwise</source>
        <translation>开头不同</translation>
    </message>
    <message>
        <source>it ends too early</source>
        <translation>过早结束</translation>
    </message>
    <message>
        <source>it goes on after its end</source>
        <translation>结尾之后还有内容</translation>
    </message>
    <message>
        <source>it has another number of streams</source>
        <translation>流的数目不同</translation>
    </message>
    <message>
        <source>it printed nothing</source>
        <translation>没有任何输出</translation>
    </message>
    <message>
        <source>its cells belong to several sequences</source>
        <translation>单元属于多个序列</translation>
    </message>
    <message>
        <source>its file mapped into memory</source>
        <translation>文件映射到内存</translation>
    </message>
    <message>
        <source>its recurrent state is kept otherwise</source>
        <translation>循环状态的存放方式不同</translation>
    </message>
    <message>
        <source>largest during {phase}: {tokens} tokens at once, logits of {outputs}</source>
        <translation>峰值在“{phase}”：一次 {tokens} 个 token，{outputs} 个 token 的 logits</translation>
    </message>
    <message>
        <source>layers on this device</source>
        <translation>此设备上的层</translation>
    </message>
    <message>
        <source>llama-bench does not know the cache type f32.</source>
        <translation>llama-bench 不认识缓存类型 f32。</translation>
    </message>
    <message>
        <source>llama-bench tries several values of {flags}; the first is taken.</source>
        <translation>llama-bench 会尝试 {flags} 的多个值；这里取第一个。</translation>
    </message>
    <message>
        <source>llama-box has flash attention on or off, and here it is off.</source>
        <translation>llama-box 的 Flash Attention 只有开或关，这里是关。</translation>
    </message>
    <message>
        <source>llama-cpp-python is not installed.</source>
        <translation>没有安装 llama-cpp-python。</translation>
    </message>
    <message>
        <source>llama.cpp aborted: {reason}</source>
        <translation>llama.cpp 异常中止：{reason}</translation>
    </message>
    <message>
        <source>llama.cpp cannot be asked about {ctx} tokens: only to plan them would take {needed} of memory.</source>
        <translation>无法就 {ctx} 个 token 询问 llama.cpp：仅规划就要占用 {needed} 内存。</translation>
    </message>
    <message>
        <source>llama.cpp cannot load {name}: {reason}</source>
        <translation>llama.cpp 无法加载 {name}：{reason}</translation>
    </message>
    <message>
        <source>llama.cpp cannot make a context: {reason}</source>
        <translation>llama.cpp 无法创建上下文：{reason}</translation>
    </message>
    <message>
        <source>llama.cpp cannot move this model&apos;s positions.</source>
        <translation>llama.cpp 无法平移此模型的位置。</translation>
    </message>
    <message>
        <source>llama.cpp could not copy the cache.</source>
        <translation>llama.cpp 无法复制缓存。</translation>
    </message>
    <message>
        <source>llama.cpp could not evaluate {n} tokens (status {status}).</source>
        <translation>llama.cpp 无法计算 {n} 个 token（状态 {status}）。</translation>
    </message>
    <message>
        <source>llama.cpp did not take the cache&apos;s contents back.</source>
        <translation>llama.cpp 没有接受缓存的内容。</translation>
    </message>
    <message>
        <source>llama.cpp ends a value there at ; and at #; rename the file or rewrite the pattern.</source>
        <translation>llama.cpp 在那里遇到 ; 和 # 就结束该值；请重命名文件或改写模式。</translation>
    </message>
    <message>
        <source>llama.cpp made other caches than this model&apos;s shape says</source>
        <translation>llama.cpp 建立的缓存与此模型的形状不符</translation>
    </message>
    <message>
        <source>llama.cpp takes {most}.</source>
        <translation>llama.cpp 最多接受 {most} 份。</translation>
    </message>
    <message>
        <source>llama.cpp&apos;s library cannot be loaded: {reason}</source>
        <translation>无法加载 llama.cpp 的库：{reason}</translation>
    </message>
    <message>
        <source>logits</source>
        <translation>logits</translation>
    </message>
    <message>
        <source>logits of {count} token, {entries:,} entries each</source>
        <translation>{count} 个 token 的 logits，每个 {entries:,} 项</translation>
    </message>
    <message>
        <source>logits of {count} tokens, {entries:,} entries each</source>
        <translation>{count} 个 token 的 logits，每个 {entries:,} 项</translation>
    </message>
    <message>
        <source>logits, {rows} x {entries} x 4</source>
        <translation>logits，{rows} x {entries} x 4</translation>
    </message>
    <message>
        <source>mapped from the file</source>
        <translation>从文件映射</translation>
    </message>
    <message>
        <source>mapped from the file, locked in memory</source>
        <translation>从文件映射，锁定在内存中</translation>
    </message>
    <message>
        <source>margin</source>
        <translation>余量</translation>
    </message>
    <message>
        <source>measured</source>
        <translation>实测</translation>
    </message>
    <message>
        <source>mla</source>
        <translation>MLA</translation>
    </message>
    <message>
        <source>model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>one sequence</source>
        <translation>1 个序列</translation>
    </message>
    <message>
        <source>one sequence lies in several streams</source>
        <translation>一个序列分布在多个流中</translation>
    </message>
    <message>
        <source>operands converted for {tokens} tokens, on {threads} threads</source>
        <translation>为 {tokens} 个 token 转换操作数，{threads} 个线程</translation>
    </message>
    <message>
        <source>output buffer</source>
        <translation>输出缓冲区</translation>
    </message>
    <message>
        <source>outputs, as printed</source>
        <translation>输出（按日志）</translation>
    </message>
    <message>
        <source>planned</source>
        <translation>规划</translation>
    </message>
    <message>
        <source>positions are written into K, and their scaling has changed</source>
        <translation>位置写在 K 里，而其缩放已改变</translation>
    </message>
    <message>
        <source>power limit</source>
        <translation>功率限制</translation>
    </message>
    <message>
        <source>process</source>
        <translation>进程</translation>
    </message>
    <message>
        <source>q8_0 takes 53 % of f16, q4_0 28 %.</source>
        <translation>q8_0 占 f16 的 53 %，q4_0 占 28 %。</translation>
    </message>
    <message>
        <source>read into memory</source>
        <translation>读入内存</translation>
    </message>
    <message>
        <source>rearranged for this processor&apos;s vector units, a copy beside the file</source>
        <translation>为本处理器的向量单元重排，是文件之外的副本</translation>
    </message>
    <message>
        <source>recurrence</source>
        <translation>循环层</translation>
    </message>
    <message>
        <source>recurrent</source>
        <translation>循环</translation>
    </message>
    <message>
        <source>recurrent and convolution state</source>
        <translation>循环与卷积状态</translation>
    </message>
    <message>
        <source>recurrent state</source>
        <translation>循环状态</translation>
    </message>
    <message>
        <source>release of llama-cpp-python</source>
        <translation>llama-cpp-python 版本</translation>
    </message>
    <message>
        <source>rough for this architecture, the dry run decides</source>
        <translation>对此架构只是粗略值，以试运行为准</translation>
    </message>
    <message>
        <source>scaling of positions</source>
        <translation>位置缩放</translation>
    </message>
    <message>
        <source>shared</source>
        <translation>共享</translation>
    </message>
    <message>
        <source>sliding</source>
        <translation>滑动</translation>
    </message>
    <message>
        <source>sliding windows keep too little; with --swa-full they could be moved.</source>
        <translation>滑动窗口保留得太少；使用 --swa-full 即可平移。</translation>
    </message>
    <message>
        <source>slowed down by the hardware</source>
        <translation>硬件限速</translation>
    </message>
    <message>
        <source>state of {count} layers in f32, {sequences}; the context does not change it</source>
        <translation>{count} 层的 f32 状态，{sequences}；与上下文大小无关</translation>
    </message>
    <message>
        <source>state, as printed</source>
        <translation>状态（按日志）</translation>
    </message>
    <message>
        <source>taken on the device beyond all buffers: the driver&apos;s context, workspaces</source>
        <translation>设备上各缓冲区之外的占用：驱动上下文、工作区</translation>
    </message>
    <message>
        <source>takes {more} more</source>
        <translation>多占用 {more}</translation>
    </message>
    <message>
        <source>text-generation-webui takes files of its model folder, not addresses.</source>
        <translation>text-generation-webui 使用其模型文件夹中的文件，而不是网址。</translation>
    </message>
    <message>
        <source>the K and V cache</source>
        <translation> K 和 V 缓存</translation>
    </message>
    <message>
        <source>the compressor state</source>
        <translation>压缩器状态</translation>
    </message>
    <message>
        <source>the computation</source>
        <translation>计算</translation>
    </message>
    <message>
        <source>the compute buffer</source>
        <translation>计算缓冲区</translation>
    </message>
    <message>
        <source>the driver&apos;s own, beside all buffers; differs by card and driver</source>
        <translation>驱动自身占用，不含各缓冲区；因显卡和驱动而异</translation>
    </message>
    <message>
        <source>the engine process before a model is open</source>
        <translation>打开模型之前的引擎进程</translation>
    </message>
    <message>
        <source>the engine process before the load</source>
        <translation>加载之前的引擎进程</translation>
    </message>
    <message>
        <source>the full cache of a recurrent model cannot be checked after a conversion</source>
        <translation>循环模型的缓存已满，转换后无法核对</translation>
    </message>
    <message>
        <source>the index</source>
        <translation>索引</translation>
    </message>
    <message>
        <source>the index&apos;s mask</source>
        <translation>索引的掩码</translation>
    </message>
    <message>
        <source>the largest weight on the host, brought over for prompts</source>
        <translation>主机上最大的权重，读入提示词时搬到此处</translation>
    </message>
    <message>
        <source>the mapped file</source>
        <translation>映射的文件</translation>
    </message>
    <message>
        <source>the mask</source>
        <translation>掩码</translation>
    </message>
    <message>
        <source>the oldest tokens have left its sliding windows.</source>
        <translation>最早的 token 已离开其滑动窗口。</translation>
    </message>
    <message>
        <source>the output buffer</source>
        <translation>输出缓冲区</translation>
    </message>
    <message>
        <source>the recurrent state</source>
        <translation>循环状态</translation>
    </message>
    <message>
        <source>the weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>this architecture is not known well enough</source>
        <translation>对此架构了解不够</translation>
    </message>
    <message>
        <source>this architecture is not known well enough.</source>
        <translation>对此架构了解不足。</translation>
    </message>
    <message>
        <source>this model adds its positions to the words themselves.</source>
        <translation>此模型把位置加在词本身上。</translation>
    </message>
    <message>
        <source>this model has latent attention in windows</source>
        <translation>此模型在窗口中使用潜在注意力</translation>
    </message>
    <message>
        <source>this model keeps a state that nothing can be taken out of.</source>
        <translation>此模型保有一个无法从中取出内容的状态。</translation>
    </message>
    <message>
        <source>this model keeps an index or a compressed cache beside K and V</source>
        <translation>此模型在 K 和 V 之外还有索引或压缩缓存</translation>
    </message>
    <message>
        <source>this model keeps no K and V</source>
        <translation>此模型不保存 K 和 V</translation>
    </message>
    <message>
        <source>this model keeps no cache.</source>
        <translation>此模型没有缓存。</translation>
    </message>
    <message>
        <source>this model&apos;s positions are stretched with a factor that moving would apply twice.</source>
        <translation>此模型的位置按某个系数拉伸，平移会把它应用两次。</translation>
    </message>
    <message>
        <source>too hot</source>
        <translation>温度过高</translation>
    </message>
    <message>
        <source>vocabulary</source>
        <translation>词表</translation>
    </message>
    <message>
        <source>weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>weights in {buffer}</source>
        <translation>{buffer} 中的权重</translation>
    </message>
    <message>
        <source>weights in {buffer}, as printed</source>
        <translation>{buffer} 中的权重（按日志）</translation>
    </message>
    <message>
        <source>work buffer</source>
        <translation>工作缓冲区</translation>
    </message>
    <message>
        <source>{count:,} tokens with their merges</source>
        <translation>{count:,} 个 token 及其合并规则</translation>
    </message>
    <message>
        <source>{count} chats read.</source>
        <translation>已读入 {count} 个对话。</translation>
    </message>
    <message>
        <source>{count} chats written to {path}.</source>
        <translation>已将 {count} 个对话写入 {path}。</translation>
    </message>
    <message>
        <source>{count} layers</source>
        <translation>{count} 层</translation>
    </message>
    <message>
        <source>{count} layers of {cells} cells</source>
        <translation>{count} 层，每层 {cells} 个单元</translation>
    </message>
    <message>
        <source>{count} layers with an index beside it</source>
        <translation>{count} 层另带索引</translation>
    </message>
    <message>
        <source>{count} messages with {tokens} tokens fall out, and {reread} tokens are read again: {obstacle}</source>
        <translation>{count} 条消息（{tokens} 个 token）移出上下文，另有 {reread} 个 token 重新读取：{obstacle}</translation>
    </message>
    <message>
        <source>{count} messages with {tokens} tokens fall out. What follows is moved together in the cache: quick, but not the same as if they had never been said.</source>
        <translation>{count} 条消息（{tokens} 个 token）移出上下文。其后的内容在缓存中平移靠拢：很快，但不等于这些话从未说过。</translation>
    </message>
    <message>
        <source>{count} messages with {tokens} tokens fell out of the context; they are still in the conversation.</source>
        <translation>{count} 条消息（{tokens} 个 token）已移出上下文；它们仍在对话中。</translation>
    </message>
    <message>
        <source>{count} messages with {tokens} tokens give way to a summary of at most {summary}, which you see first. What follows it is read again.</source>
        <translation>{count} 条消息（{tokens} 个 token）由至多 {summary} 个 token 的摘要代替，您可以先过目。其后的内容会重新读取。</translation>
    </message>
    <message>
        <source>{count} of {all} layers run on the CPU, which is much slower.</source>
        <translation>{all} 层中有 {count} 层在 CPU 上运行，速度慢得多。</translation>
    </message>
    <message>
        <source>{count} recurrent</source>
        <translation>{count} 层循环</translation>
    </message>
    <message>
        <source>{count} sequences</source>
        <translation>{count} 个序列</translation>
    </message>
    <message>
        <source>{count} sequences are more than the {most} that llama.cpp serves.</source>
        <translation>{count} 个序列超过 llama.cpp 支持的 {most} 个。</translation>
    </message>
    <message>
        <source>{count} share a cache</source>
        <translation>{count} 层共享缓存</translation>
    </message>
    <message>
        <source>{count} times</source>
        <translation>共 {count} 份</translation>
    </message>
    <message>
        <source>{count} window layers of {cells} cells</source>
        <translation>{count} 个窗口层，每层 {cells} 个单元</translation>
    </message>
    <message>
        <source>{count} with a window of {sizes}</source>
        <translation>{count} 层窗口 {sizes}</translation>
    </message>
    <message>
        <source>{ctx} tokens with K {k} and V {v}: {memory}</source>
        <translation>{ctx} 个 token，K {k}、V {v}：{memory}</translation>
    </message>
    <message>
        <source>{ctx} tokens, K {k}, V {v}</source>
        <translation>{ctx} 个 token，K {k}、V {v}</translation>
    </message>
    <message>
        <source>{device} is full: {left} left.</source>
        <translation>{device} 已满：剩余 {left}。</translation>
    </message>
    <message>
        <source>{device} lacks {lacking} even for {tokens} tokens.</source>
        <translation>即使只有 {tokens} 个 token，{device} 也还差 {lacking}。</translation>
    </message>
    <message>
        <source>{flag} cannot be {value}.</source>
        <translation>{flag} 不能为 {value}。</translation>
    </message>
    <message>
        <source>{flag} cannot have the share {text}.</source>
        <translation>{flag} 不能有份额 {text}。</translation>
    </message>
    <message>
        <source>{flag} has no value.</source>
        <translation>{flag} 没有值。</translation>
    </message>
    <message>
        <source>{folder} already holds data of KV Desk.</source>
        <translation>{folder} 中已有 KV Desk 的数据。</translation>
    </message>
    <message>
        <source>{kind} {heads} heads</source>
        <translation>{kind} {heads} 头</translation>
    </message>
    <message>
        <source>{kind} {heads} heads (varies)</source>
        <translation>{kind} {heads} 头（各层不同）</translation>
    </message>
    <message>
        <source>{k} for K and {v} for V become {kind}: another format of other size.</source>
        <translation>K 的 {k} 和 V 的 {v} 变为 {kind}：格式和大小都不同。</translation>
    </message>
    <message>
        <source>{k} for K and {v} for V become {name} there.</source>
        <translation>K 的 {k} 和 V 的 {v} 在那里变为 {name}。</translation>
    </message>
    <message>
        <source>{memory} {quality} Its attention runs on the CPU.</source>
        <translation>{memory}{quality}注意力在 CPU 上计算。</translation>
    </message>
    <message>
        <source>{memory} {quality} The GPU computes its attention.</source>
        <translation>{memory}{quality}注意力由 GPU 计算。</translation>
    </message>
    <message>
        <source>{model} does not write text token by token, so there is nothing to chat with.</source>
        <translation>{model} 不逐 token 生成文本，无法对话。</translation>
    </message>
    <message>
        <source>{moved} through host memory</source>
        <translation>{moved}，经由主机内存</translation>
    </message>
    <message>
        <source>{moved} through the disk</source>
        <translation>{moved}，经由磁盘</translation>
    </message>
    <message>
        <source>{names} cannot be changed while the model is loaded.</source>
        <translation>模型已加载，无法更改 {names}。</translation>
    </message>
    <message>
        <source>{name} cannot be opened: {reason}.</source>
        <translation>无法打开 {name}：{reason}。</translation>
    </message>
    <message>
        <source>{name} cannot be read: {reason}.</source>
        <translation>无法读取 {name}：{reason}。</translation>
    </message>
    <message>
        <source>{name} has no conversation in it that KV Desk knows how to read.</source>
        <translation>{name} 中没有 KV Desk 能读取的对话。</translation>
    </message>
    <message>
        <source>{name} is cut short: tensors lie beyond its end.</source>
        <translation>{name} 不完整：有张量超出文件末尾。</translation>
    </message>
    <message>
        <source>{name} is damaged: {reason}</source>
        <translation>{name} 已损坏：{reason}</translation>
    </message>
    <message>
        <source>{name} is damaged: {reason}.</source>
        <translation>{name} 已损坏：{reason}。</translation>
    </message>
    <message>
        <source>{name} is not JSON.</source>
        <translation>{name} 不是 JSON。</translation>
    </message>
    <message>
        <source>{name} is not a text file.</source>
        <translation>{name} 不是文本文件。</translation>
    </message>
    <message>
        <source>{name} is too large to be attached: {size}.</source>
        <translation>{name} 太大，无法附加：{size}。</translation>
    </message>
    <message>
        <source>{name} lacks tensors its architecture needs ({reason}).</source>
        <translation>{name} 缺少其架构所需的张量（{reason}）。</translation>
    </message>
    <message>
        <source>{name} was written by a newer KV Desk.</source>
        <translation>{name} 由更新版本的 KV Desk 写成。</translation>
    </message>
    <message>
        <source>{n} layers on the GPU</source>
        <translation>GPU 上 {n} 层</translation>
    </message>
    <message>
        <source>{option} cannot be “{value}”.</source>
        <translation>{option}不能设为“{value}”。</translation>
    </message>
    <message>
        <source>{outputs} outputs are too few for {count} sequences.</source>
        <translation>{outputs} 个输出不够 {count} 个序列使用。</translation>
    </message>
    <message>
        <source>{path} could not be written.</source>
        <translation>无法写入 {path}。</translation>
    </message>
    <message>
        <source>{program} does not know ~ for the home directory.</source>
        <translation>{program} 不认识用 ~ 表示的主目录。</translation>
    </message>
    <message>
        <source>{program} has nothing for {flag} {value}.</source>
        <translation>{program} 没有与 {flag} {value} 对应的选项。</translation>
    </message>
    <message>
        <source>{program} keeps all layers and the cache on the GPU.</source>
        <translation>{program} 把所有层和缓存都放在 GPU 上。</translation>
    </message>
    <message>
        <source>{program} keeps the logits of a whole batch.</source>
        <translation>{program} 保留整个批次的 logits。</translation>
    </message>
    <message>
        <source>{program} keeps the logits of one token a slot; another number cannot be set.</source>
        <translation>{program} 每个槽位只保留一个 token 的 logits；无法设为其他数目。</translation>
    </message>
    <message>
        <source>{program} reads the original model, not a GGUF file.</source>
        <translation>{program} 读取原始模型，而不是 GGUF 文件。</translation>
    </message>
    <message>
        <source>{said}, and {lacking} are lacking.</source>
        <translation>{said}，还缺 {lacking}。</translation>
    </message>
    <message>
        <source>{said}.</source>
        <translation>{said}。</translation>
    </message>
    <message>
        <source>{said}; about {seconds}.</source>
        <translation>{said}；约 {seconds}。</translation>
    </message>
    <message>
        <source>{said}; {left} left on {device}.</source>
        <translation>{said}；{device} 剩余 {left}。</translation>
    </message>
    <message>
        <source>{said}; {moved} in about {seconds}.</source>
        <translation>{said}；{moved}，约 {seconds}。</translation>
    </message>
    <message>
        <source>{side} as {type} is stored {block} values at a time, and this model&apos;s heads have {size}.</source>
        <translation>{side} 用 {type} 时每 {block} 个值为一块，而此模型的头维度为 {size}。</translation>
    </message>
    <message>
        <source>{side} as {type} needs heads that are a multiple of {block}; this model&apos;s have {head}.</source>
        <translation>{side} 用 {type} 时，头维度须为 {block} 的倍数；此模型为 {head}。</translation>
    </message>
    <message>
        <source>{size} are converted</source>
        <translation>转换 {size}</translation>
    </message>
    <message>
        <source>{size} are copied</source>
        <translation>复制 {size}</translation>
    </message>
    <message>
        <source>{size} of it is the embedding once more, as output</source>
        <translation>其中 {size} 是词嵌入再存一份，用作输出层</translation>
    </message>
    <message>
        <source>{text} is more than all of it.</source>
        <translation>{text} 超过了全部。</translation>
    </message>
    <message>
        <source>{tokens} tokens are more than the {trained} this model was trained for; answers get worse beyond them.</source>
        <translation>{tokens} 个 token 超过此模型的训练长度 {trained}；超出后回答质量下降。</translation>
    </message>
    <message>
        <source>{type} for V needs flash attention, which this architecture cannot use.</source>
        <translation>V 用 {type} 需要 Flash Attention，而此架构无法使用。</translation>
    </message>
    <message>
        <source>{type} stores {block} values at a time and this model&apos;s K heads have {size}.</source>
        <translation>{type} 每 {block} 个值为一块，而此模型的 K 头维度为 {size}。</translation>
    </message>
    <message>
        <source>{type} stores {block} values at a time and this model&apos;s V heads have {size}.</source>
        <translation>{type} 每 {block} 个值为一块，而此模型的 V 头维度为 {size}。</translation>
    </message>
    <message>
        <source>{type} stores {block} values at a time and this model&apos;s heads have {size}.</source>
        <translation>{type} 每 {block} 个值为一块，而此模型的头维度为 {size}。</translation>
    </message>
    <message>
        <source>“content” must be a text, and “add_special” true or false.</source>
        <translation>“content”必须是文本，“add_special”必须是 true 或 false。</translation>
    </message>
    <message>
        <source>“messages” must be a list with at least one message.</source>
        <translation>“messages”必须是至少含一条消息的列表。</translation>
    </message>
    <message>
        <source>“prompt” must be a text that is not empty; several are asked one by one.</source>
        <translation>“prompt”必须是非空文本；多个请逐个提问。</translation>
    </message>
    <message>
        <source>“reasoning_content” must be a text.</source>
        <translation>“reasoning_content”必须是文本。</translation>
    </message>
    <message>
        <source>“stop” must be a text or a list of texts.</source>
        <translation>“stop”必须是文本或文本列表。</translation>
    </message>
    <message>
        <source>“{endpoint}” is not an RPC server.</source>
        <translation>“{endpoint}”不是 RPC 服务器。</translation>
    </message>
    <message>
        <source>“{item}” is not a value of {flag}.</source>
        <translation>“{item}”不是 {flag} 的值。</translation>
    </message>
    <message>
        <source>“{model}” cannot stand in a Modelfile.</source>
        <translation>“{model}”不能写在 Modelfile 中。</translation>
    </message>
    <message>
        <source>“{name}” announces {n} layers.</source>
        <translation>“{name}”声明有 {n} 层。</translation>
    </message>
    <message>
        <source>“{name}” cannot be read at byte {offset:,}: {reason}.</source>
        <translation>“{name}”在第 {offset:,} 字节处无法读取：{reason}。</translation>
    </message>
    <message>
        <source>“{name}” cannot be read: {reason}.</source>
        <translation>无法读取“{name}”：{reason}。</translation>
    </message>
    <message>
        <source>“{name}” does not say which architecture it is (general.architecture).</source>
        <translation>“{name}”没有说明架构（general.architecture）。</translation>
    </message>
    <message>
        <source>“{name}” ends after {there:,} bytes; what begins at byte {offset:,} goes on to byte {end:,}.</source>
        <translation>“{name}”在第 {there:,} 字节结束；而始于第 {offset:,} 字节的内容延续到第 {end:,} 字节。</translation>
    </message>
    <message>
        <source>“{name}” ends after {there:,} of the {end:,} bytes that its tensors need.</source>
        <translation>“{name}”的张量需要 {end:,} 字节，文件却在 {there:,} 字节处结束。</translation>
    </message>
    <message>
        <source>“{name}” has more layers for prediction than layers.</source>
        <translation>“{name}”的预测层多于总层数。</translation>
    </message>
    <message>
        <source>“{name}” has no array “{key}”.</source>
        <translation>“{name}”没有数组“{key}”。</translation>
    </message>
    <message>
        <source>“{name}” has no end of its header after {offset:,} bytes.</source>
        <translation>“{name}”的文件头在 {offset:,} 字节后仍未结束。</translation>
    </message>
    <message>
        <source>“{name}” holds no tensors.</source>
        <translation>“{name}”不含张量。</translation>
    </message>
    <message>
        <source>“{name}” is a GGUF file of version 1, which llama.cpp no longer reads.</source>
        <translation>“{name}”是第 1 版 GGUF 文件，llama.cpp 已不再读取。</translation>
    </message>
    <message>
        <source>“{name}” is a device or a pipe.</source>
        <translation>“{name}”是设备或管道。</translation>
    </message>
    <message>
        <source>“{name}” is a folder.</source>
        <translation>“{name}”是文件夹。</translation>
    </message>
    <message>
        <source>“{name}” is a later part of a model in {count} files.</source>
        <translation>“{name}”是由 {count} 个文件组成的模型的后续部分。</translation>
    </message>
    <message>
        <source>“{name}” is damaged at byte {offset:,}: a text of {n_bytes:,} bytes is announced.</source>
        <translation>“{name}”在第 {offset:,} 字节处损坏：声明了长 {n_bytes:,} 字节的文本。</translation>
    </message>
    <message>
        <source>“{name}” is damaged at byte {offset:,}: {count:,} strings are announced.</source>
        <translation>“{name}”在第 {offset:,} 字节处损坏：声明了 {count:,} 个字符串。</translation>
    </message>
    <message>
        <source>“{name}” is damaged at byte {offset:,}: {what} is not readable text.</source>
        <translation>“{name}”在第 {offset:,} 字节处损坏：{what}不是可读的文本。</translation>
    </message>
    <message>
        <source>“{name}” is empty.</source>
        <translation>“{name}”是空文件。</translation>
    </message>
    <message>
        <source>“{name}” is not a GGUF file.</source>
        <translation>“{name}”不是 GGUF 文件。</translation>
    </message>
    <message>
        <source>“{name}” is not supported here.</source>
        <translation>这里不支持“{name}”。</translation>
    </message>
    <message>
        <source>“{name}” is one of {count} files of a model, but its name does not say which.</source>
        <translation>“{name}”是某模型 {count} 个文件之一，但名称没有说明是第几个。</translation>
    </message>
    <message>
        <source>“{name}” is too short to be a GGUF file.</source>
        <translation>“{name}”太短，不可能是 GGUF 文件。</translation>
    </message>
    <message>
        <source>“{name}” is {what}, not a GGUF file.</source>
        <translation>“{name}”不是 GGUF 文件（{what}）。</translation>
    </message>
    <message>
        <source>“{name}” may not be read.</source>
        <translation>没有读取“{name}”的权限。</translation>
    </message>
    <message>
        <source>“{name}” must be a number.</source>
        <translation>“{name}”必须是数字。</translation>
    </message>
    <message>
        <source>“{name}” must be between {minimum:g} and {maximum:g}.</source>
        <translation>“{name}”必须在 {minimum:g} 和 {maximum:g} 之间。</translation>
    </message>
    <message>
        <source>“{name}” says it is a GGUF file of version {version:,}; versions 2 and 3 can be read.</source>
        <translation>“{name}”自称是第 {version:,} 版 GGUF 文件；可读取第 2 和第 3 版。</translation>
    </message>
    <message>
        <source>“{path}” is not a file, so no cache can be parked there.</source>
        <translation>“{path}”不是文件，缓存无法存放在那里。</translation>
    </message>
    <message>
        <source>“{path}” is not a parked cache.</source>
        <translation>“{path}”不是存放的缓存。</translation>
    </message>
    <message>
        <source>“{path}” says that it is not part {number} of {count}.</source>
        <translation>“{path}”自称不是第 {number} 部分（共 {count}）。</translation>
    </message>
    <message>
        <source>“{path}” was parked by another version of KV Desk.</source>
        <translation>“{path}”由另一版本的 KV Desk 存放。</translation>
    </message>
    <message>
        <source>“{pattern}” of {flag} is not a regular expression ({reason}).</source>
        <translation>{flag} 的“{pattern}”不是正则表达式（{reason}）。</translation>
    </message>
    <message>
        <source>“{text}” cannot stand in a preset file.</source>
        <translation>“{text}”不能写在预设文件中。</translation>
    </message>
    <message>
        <source>“{text}” has an empty entry for {flag}.</source>
        <translation>{flag} 的“{text}”中有空项。</translation>
    </message>
    <message>
        <source>“{text}” is more than any device has.</source>
        <translation>“{text}”超过任何设备的内存。</translation>
    </message>
    <message>
        <source>“{text}” is not a number from {least} to {most}.</source>
        <translation>“{text}”不是 {least} 到 {most} 之间的数。</translation>
    </message>
    <message>
        <source>“{text}” is not a number of tokens.</source>
        <translation>“{text}”不是 token 数。</translation>
    </message>
    <message>
        <source>“{text}” is not a size.</source>
        <translation>“{text}”不是大小。</translation>
    </message>
    <message>
        <source>“{text}” is not a tensor override.</source>
        <translation>“{text}”不是张量覆盖。</translation>
    </message>
    <message>
        <source>“{text}” is not a value of {flag}.</source>
        <translation>“{text}”不是 {flag} 的值。</translation>
    </message>
    <message>
        <source>“{text}” is not in the table of GPUs.</source>
        <translation>GPU 表中没有“{text}”。</translation>
    </message>
    <message>
        <source>“{text}” may be several GPUs.</source>
        <translation>“{text}”可能指多种 GPU。</translation>
    </message>
    <message>
        <source>“{url}” cannot be reached: {reason}.</source>
        <translation>无法访问“{url}”：{reason}。</translation>
    </message>
    <message>
        <source>“{url}” is a web page, not a GGUF file.</source>
        <translation>“{url}”是网页，不是 GGUF 文件。</translation>
    </message>
    <message>
        <source>“{url}” is empty.</source>
        <translation>“{url}”是空的。</translation>
    </message>
    <message>
        <source>“{url}” is not a valid address.</source>
        <translation>“{url}”不是有效的地址。</translation>
    </message>
    <message>
        <source>“{word}” cannot stand in llama-swap&apos;s file.</source>
        <translation>“{word}”不能写在 llama-swap 的文件中。</translation>
    </message>
    <message>
        <source>“{word}” has a line break or another control character in it.</source>
        <translation>“{word}”中有换行或其他控制字符。</translation>
    </message>
</context>
</TS>
